/* Collects dead children. */
#ifndef MASTER_REAP_H
#define MASTER_REAP_H

#include <stdint.h>
#include <stdio.h>

#include "master/supervisor.h"

/* Hands every process that has ended to the supervisor. On SIGCHLD. */
void reap_all(struct supervisor *supervisor);

/* Says how a process ended, from its wait status: "signal SEGV", "exit status 1". */
void reap_describe(int status, char *text, size_t size);

#endif
