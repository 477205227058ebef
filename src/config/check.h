/* What can be said of a configuration only when all of it is known. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "base/compiler.h"
#include "base/error.h"
#include "config/draft.h"

/*
 * Checks what goes beyond one value: what is required, addresses, what does not fit together.
 * Narrows defaults that another setting narrows. Returns 0, or -1 with an error like the loader's.
 */
PF_MUST_CHECK int check_draft(struct draft *draft, struct error *error);

#endif
