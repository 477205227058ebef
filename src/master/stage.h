/* Naming the module that a child was starting when it ended or was late. */
#ifndef MASTER_STAGE_H
#define MASTER_STAGE_H

#include <stdint.h>

#include "base/error.h"
#include "config/config.h"

#define STAGE_NONE UINT32_MAX

/*
 * Puts before ERROR where CONFIG names the module of the service with that index, as a child said
 * it; anything that is no index leaves the error as it is. Always returns -1.
 */
int stage_error(const struct config *config, uint32_t service, struct error *error);

#endif
