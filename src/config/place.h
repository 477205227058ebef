/* Saying where a setting stands. */
#ifndef CONFIG_PLACE_H
#define CONFIG_PLACE_H

#include "base/error.h"
#include "config/config.h"

/*
 * Puts before what ERROR says where that is: "FILE:LINE: KEY: ", or the argument alone, in which
 * the key stands anyway. An empty KEY is left out. Always returns -1.
 */
int place_error(struct error *error, const struct config_place *place, const char *key);

/* The same for an option of a service: "FILE:LINE: services.NAME.KEY: ". */
int place_service_error(
	struct error *error, const struct config_place *place, const char *name, const char *key);

#endif
