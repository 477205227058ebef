/* Ends workers whose loop does not turn any more, with a core to look at. */
#ifndef MASTER_WATCHDOG_H
#define MASTER_WATCHDOG_H

#include <stdint.h>

#include "master/supervisor.h"

enum {
	WATCHDOG_INTERVAL_MS = 250,
};

/*
 * Looks at each worker, ELAPSED_MS after the look before. One that has stood still for
 * watchdog_timeout gets SIGABRT, and SIGCONT, since a stopped process keeps a signal pending; a
 * second later SIGKILL.
 */
void watchdog_look(struct supervisor *supervisor, int64_t elapsed_ms);

#endif
