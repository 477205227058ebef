/*
 * request_timeout: the replies that clients get in place of those that did not come in time. What
 * waits is never handled then. A handler that runs goes on, and what it says is not looked at.
 */
#ifndef WORKER_EXPIRY_H
#define WORKER_EXPIRY_H

#include "net/deadline.h"

/* Answers the requests of a pipeline that are late; DEADLINE is the pipeline's. */
void expiry_run(struct deadline *deadline);

#endif
