/* Collects dead children. */
#ifndef MASTER_REAP_H
#define MASTER_REAP_H

#include "master/supervisor.h"

/* Hands every process that has ended to the supervisor. On SIGCHLD. */
void reap_all(struct supervisor *supervisor);

#endif
