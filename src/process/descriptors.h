/* Whether the limit of open files (RLIMIT_NOFILE) lets each worker have its connections. */
#ifndef PROCESS_DESCRIPTORS_H
#define PROCESS_DESCRIPTORS_H

#include <stddef.h>

#include "config/config.h"

enum {
	DESCRIPTORS_RESERVE = 64, /* of a worker: its loop, log, channel; files of modules */
};

/* What a worker needs: its fair share of max_connections, the listeners, and the reserve. */
size_t descriptors_needed(const struct config *config, size_t workers);

/*
 * Raises the soft limit of this process, which children inherit, to the hard one, and the hard one
 * as well if that is too low for what one of WORKERS workers needs and the process may do so. If it
 * is still too low, one line of the log says what would be right; that is all, for connections may
 * never be that many. For the master, before it forks: at the start and at each reload.
 */
void descriptors_provide(const struct config *config, size_t workers);

#endif
