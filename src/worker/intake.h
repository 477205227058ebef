/*
 * From input to requests: cuts messages off, handles those on the loop that need not wait, and puts
 * the others into the session's pipeline.
 */
#ifndef WORKER_INTAKE_H
#define WORKER_INTAKE_H

#include "worker/session.h"

/* The input callback of a session's connection. */
size_t intake_run(struct session *session, struct span input);

#endif
