/* How a worker ends: it stops accepting, finishes what is under way, and goes. */
#ifndef WORKER_DRAIN_H
#define WORKER_DRAIN_H

#include "worker/worker.h"

/* Prepares; on the worker's loop. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int drain_open(struct worker *worker, struct error *error);
void drain_close(struct worker *worker);

/*
 * Stops accepting (with ALL, every worker does: what the kernel has queued is taken first, since
 * nobody else will). With an INBOX, which is taken, connections go there; else, and what cannot
 * move, each is read once more, gets answers to all that this brought and is closed in order. The
 * worker stops when none is left, or after TIMEOUT_MS, which cuts the rest. Idempotent.
 */
void drain_begin(struct worker *worker, bool all, int inbox, int64_t timeout_ms);

/* Has CONNECTION, which is open, end in order; or at once, after the timeout. May close it. */
void drain_one(struct worker *worker, struct connection *connection);

/* What `drain_timeout` is now, from now on if the worker drains already. */
void drain_set_timeout(struct worker *worker, int64_t timeout_ms);

/* At the end of each turn: stops the worker if it has drained. */
void drain_check(struct worker *worker);

#endif
