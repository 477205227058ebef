/*
 * Whether a worker's loop turns: a pure function of what was seen, so that a table tests it.
 *
 * It is not the clock that counts but looks: each look at a tick that stands still adds what has
 * passed since the one before, and at most the interval in which to look. So a master that was
 * stopped itself, with a suspended machine or by a signal, blames nobody for the time in which it
 * saw nothing.
 */
#ifndef MASTER_LIVENESS_H
#define MASTER_LIVENESS_H

#include <stdint.h>

struct liveness {
	int64_t tick_ms; /* as last seen */
	int64_t still_ms;
	int64_t aborted_ms; /* of still_ms, when it was aborted; 0: it was not */
};

/*
 * A look at TICK_MS of a worker, ELAPSED_MS after the one before, INTERVAL_MS apart if all is well.
 * Returns for how long the tick has stood still.
 */
int64_t liveness_look(
	struct liveness *liveness, int64_t tick_ms, int64_t elapsed_ms, int64_t interval_ms);

#endif
