/* Users and groups of this system, by name. */
#ifndef BASE_ACCOUNT_H
#define BASE_ACCOUNT_H

#include <grp.h>
#include <pwd.h>

#include "base/error.h"

/* The user or group of that NAME, valid until the next call, or NULL with an error that says so. */
const struct passwd *account_user(const char *name, struct error *error);
const struct group *account_group(const char *name, struct error *error);

#endif
