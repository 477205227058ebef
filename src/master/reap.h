/* Collects dead children. */
#ifndef MASTER_REAP_H
#define MASTER_REAP_H

#include "master/admin.h"
#include "master/supervisor.h"
#include "master/upgrade.h"

/* Hands every process that has ended to whose it was. On SIGCHLD. */
void reap_all(struct supervisor *supervisor, struct upgrade *upgrade, struct admin *admin);

#endif
