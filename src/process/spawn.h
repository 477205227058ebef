/* The one place that forks. */
#ifndef PROCESS_SPAWN_H
#define PROCESS_SPAWN_H

#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "process/role.h"

/*
 * Forks a child that runs ROLE with INHERITANCE and never returns here. Returns its pid with the
 * master's end of its channel in *CHANNEL, or -1 with the reason. The caller has no threads.
 */
PF_MUST_CHECK pid_t spawn(const struct role *role, const struct inheritance *inheritance,
	int *channel, struct error *error);

#endif
