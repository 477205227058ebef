/*
 * The requests of one session that are under way, in the order of their messages, which is that of
 * their replies. It exists only while there are some.
 *
 * Unless the module is concurrent, nothing is dispatched while a job of the session is with the
 * pool or a request of it is kept; what has come meanwhile waits here.
 */
#ifndef WORKER_PIPELINE_H
#define WORKER_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dispatch/dispatch.h"
#include "net/deadline.h"
#include "worker/session.h"

struct pipeline {
	struct session *session;
	struct request_list requests;
	TAILQ_ENTRY(pipeline) entry; /* among those that are crowded */
	struct deadline deadline;    /* of the first request that has no reply */
	size_t bytes;                /* of messages */
	unsigned count;
	unsigned jobs;    /* with the pool, not over: a handler may run */
	unsigned kept;    /* requests */
	uint8_t priority; /* crowded: whose room it waits for */
	bool crowded;     /* it waits for room in a queue of the pool */
	bool full;        /* max_pipeline: no more is taken from the connection */
};

static inline struct sessions *
pipeline_sessions(const struct pipeline *pipeline)
{
	return session_sessions(pipeline->session);
}

static inline struct dispatch *
pipeline_dispatch(const struct pipeline *pipeline)
{
	return &pipeline_sessions(pipeline)->dispatch;
}

/* Whether a message that has come now may be routed at once, and be answered at once. */
static inline bool
pipeline_is_clear(const struct session *session)
{
	const struct pipeline *pipeline = session->pipeline;

	return pipeline == NULL || (pipeline->count == 0 && pipeline->jobs == 0);
}

/*
 * Puts REQUEST behind the others, in the state that it has. From then on it is the pipeline's, and
 * the connection is held for it. Returns 0, or -1 without memory.
 */
PF_MUST_CHECK int pipeline_add(struct session *session, struct request *request);

/* The handler of REQUEST has run. May drop what is behind it. */
void pipeline_handled(struct session *session, struct request *request);

/*
 * Sends replies whose turn has come and dispatches messages that may begin, in turns, until
 * neither goes on. The pipeline may be gone then.
 */
void pipeline_advance(struct session *session);

/*
 * Takes the requests of JOB that are done. With OVER no thread has it any more: what did not begin
 * waits again.
 */
void pipeline_collect(struct session *session, struct job *job, bool over);

/* A request that was kept is over. */
void pipeline_answered(struct session *session, struct request *request);

/* The client is gone: gives up all requests. Returns whether no handler of them runs any more. */
bool pipeline_abandon(struct session *session);

/* It waits for no room any more. */
void pipeline_uncrowd(struct pipeline *pipeline);

/*
 * Takes back what JOB has not begun, which then waits again. A job that no thread has comes back by
 * itself, with what a thread had done of it before.
 */
void pipeline_take_back(struct pipeline *pipeline, struct job *job);

/*
 * The client gets nothing for REQUEST, which was taken out of the list. WHY is REQUEST_GONE or
 * REQUEST_LATE, in case the module still has it.
 */
void pipeline_give_up(struct pipeline *pipeline, struct request *request, unsigned why);

#endif
