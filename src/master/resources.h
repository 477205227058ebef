/*
 * What the configuration needs before there can be children: CPUs, owners of sockets, identity and
 * module files. Shared by the start and by -t.
 */
#ifndef MASTER_RESOURCES_H
#define MASTER_RESOURCES_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "process/privilege.h"

struct resources {
	struct identity identity;
	int *modules; /* descriptors of the module files, one a service */
	size_t module_count;
};

/* Returns 0, or -1 with an error that names the place to mend. */
PF_MUST_CHECK int resources_open(
	struct resources *resources, const struct config *config, struct error *error);

void resources_close(struct resources *resources);

#endif
