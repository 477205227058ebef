#include <config.h>

#include "master/resources.h"

#include <stdlib.h>

#include "base/fd.h"
#include "dispatch/module_path.h"
#include "net/unix_socket.h"
#include "process/cpus.h"

static int
open_modules(struct resources *resources, const struct config *config, struct error *error)
{
	resources->modules = calloc(config->service_count, sizeof(resources->modules[0]));
	if (resources->modules == NULL)
		return error_errno(error, "cannot open the modules");
	for (size_t i = 0; i < config->service_count; i++) {
		int fd = module_path_open(&config->services[i], error);

		if (fd < 0)
			return -1;
		resources->modules[resources->module_count++] = fd;
	}
	return 0;
}

/* Who may connect to unix sockets: looked up again when they are bound. */
static int
check_sockets(const struct config *config, struct error *error)
{
	struct unix_socket_access access;

	for (size_t i = 0; i < config->service_count; i++) {
		if (unix_socket_access(&access, &config->services[i], error) != 0)
			return -1;
	}
	return 0;
}

int
resources_open(struct resources *resources, const struct config *config, struct error *error)
{
	*resources = (struct resources){ 0 };
	if (cpus_check(config, error) == 0 && check_sockets(config, error) == 0 &&
		privilege_resolve(config, &resources->identity, error) == 0 &&
		open_modules(resources, config, error) == 0)
		return 0;
	resources_close(resources);
	return -1;
}

void
resources_close(struct resources *resources)
{
	for (size_t i = 0; i < resources->module_count; i++)
		fd_close(&resources->modules[i]);
	free(resources->modules);
	*resources = (struct resources){ 0 };
}
