#include <config.h>

#include "master/stage.h"

#include "dispatch/module_path.h"

int
stage_error(const struct config *config, uint32_t service, struct error *error)
{
	if (service >= config->service_count)
		return -1;
	return module_path_error(&config->services[service], error);
}
