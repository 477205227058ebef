/* Collects dead children. */
#ifndef MASTER_REAP_H
#define MASTER_REAP_H

#include "master/supervisor.h"
#include "master/upgrade.h"

/* Hands every process that has ended to the supervisor, or to the upgrade. On SIGCHLD. */
void reap_all(struct supervisor *supervisor, struct upgrade *upgrade);

#endif
