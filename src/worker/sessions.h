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
#include "worker/reporter.h"

TAILQ_HEAD(pipeline_list, pipeline);

struct sessions {
	struct network *network;
	struct dispatch dispatch;
	struct deadlines deadlines; /* of pipelines: request_timeout */
	/* Those that wait for room in the pool's queue, the first to be served first. */
	struct pipeline_list crowded[CONFIG_PRIORITY__COUNT];
	const struct pipeline *relieved; /* the one whose turn it is; perhaps gone already */
	struct payload *last;            /* it lives to the end of the turn */
	struct event *look;              /* while jobs are out: after what a handler may hold up */
	int64_t look_ms;                 /* its next or last wait */
	uint64_t looked;                 /* jobs submitted until the last look */
	struct reporter reporter;
	struct log_limit waits_limit;
	struct log_limit shed_limit;
	struct log_limit timeout_limit;
	uint64_t requests; /* taken, of all connections */
	uint64_t waits;    /* times that a connection began to wait for room */
	uint64_t shed;     /* requests that got a busy reply */
	uint64_t expired;  /* requests that got a timeout reply */
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

/* Takes a reference to PAYLOAD, which lasts until the next one comes, or the turn ends. */
void sessions_keep(struct sessions *sessions, struct payload *payload);

/*
 * No pipeline has REQUEST any more: frees it, or leaves it to the job or the module that has it
 * still, to be freed when that gives it back.
 */
void sessions_let_go(struct sessions *sessions, struct request *request);

/* Counts a request whose client left before its reply, and says what is to be said of it. */
void sessions_report_gone(struct sessions *sessions, const struct request *request);

/* Once in a while: looks after handlers that take long and requests that are kept for long. */
void sessions_tick(struct sessions *sessions);

/* Says how many log lines of each kind were held back. */
void sessions_report_held(struct sessions *sessions);

#endif
