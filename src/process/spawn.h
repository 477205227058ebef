/* The one place that forks. */
#ifndef PROCESS_SPAWN_H
#define PROCESS_SPAWN_H

#include <signal.h>
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

/*
 * The fork alone: as fork(2), but with every signal blocked from then on, so that none reaches the
 * child while it still looks like its parent. *BEFORE is the mask that there was.
 */
PF_MUST_CHECK pid_t spawn_fork(sigset_t *before);

/*
 * Child: whether the kernel is to kill it when the master dies. For the time in which it runs a
 * module's code that may hang; a change of user takes it back. Returns 0, or -1 if the master is
 * gone already.
 */
PF_MUST_CHECK int spawn_die_with_master(const struct inheritance *inheritance);
void spawn_outlive_master(void);

#endif
