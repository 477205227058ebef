/* What the sessions of one worker share, and what comes back to them from threads and modules. */
#ifndef WORKER_SESSIONS_H
#define WORKER_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/log.h"
#include "dispatch/dispatch.h"
#include "net/deadline.h"
#include "net/network.h"
#include "worker/request_log.h"

TAILQ_HEAD(pipeline_list, pipeline);

struct sessions {
	struct network *network;
	struct dispatch dispatch;
	struct deadlines deadlines; /* of pipelines: request_timeout */
	/* Those that wait for room in the pool's queue, the first to be served first. */
	struct pipeline_list crowded[CONFIG_PRIORITY__COUNT];
	struct request_log request_log;
	struct log_limit waits_limit;
	struct log_limit shed_limit;
	struct log_limit timeout_limit;
	uint64_t waits;   /* times that a connection began to wait for room */
	uint64_t shed;    /* requests that got a busy reply */
	uint64_t expired; /* requests that got a timeout reply */
	bool exhausted;   /* the pool has lost as many threads as it is to have */
};

/* Prepares on LOOP, for the slot INDEX. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int sessions_open(struct sessions *sessions, const struct config *config,
	struct loop *loop, struct segment *segment, unsigned index, struct error *error);

/* Frees everything; the pool has stopped, and every connection is closed. */
void sessions_close(struct sessions *sessions);

/* At the end of a turn: takes what has come back, and hands over what is new. */
void sessions_turn(struct sessions *sessions);

/* Whether something has come back that no event tells of. */
bool sessions_are_busy(struct sessions *sessions);

/* Once in a while: what was held back in the log, what is kept for very long. */
void sessions_report(struct sessions *sessions);

#endif
