#include <config.h>

#include "config/place.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"

int
place_error(struct error *error, const struct config_place *place, const char *key)
{
	if (place->file != NULL && place->line == 0)
		return error_prefix(error, "%s: ", place->file);
	if (key[0] != '\0')
		error_prefix(error, "%s: ", key);
	if (place->file == NULL)
		return -1;
	return error_prefix(error, "%s:%u: ", place->file, place->line);
}

int
place_service_error(
	struct error *error, const struct config_place *place, const char *name, const char *key)
{
	char dotted[192];

	if (strcmp(name, config_admin_names[CONFIG_ADMIN_HTTP]) == 0)
		snprintf(dotted, sizeof(dotted), "admin.%s", key);
	else if (strcmp(name, config_admin_names[CONFIG_ADMIN_AGENT]) == 0)
		snprintf(dotted, sizeof(dotted), "admin.agent");
	else
		snprintf(dotted, sizeof(dotted), "services.%s.%s", name, key);
	return place_error(error, place, dotted);
}
