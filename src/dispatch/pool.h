/*
 * The pool: the only threads of a worker but those that modules start. A thread (pool_thread.h)
 * sees requests and what modules may call, never a connection.
 *
 * Between two messages a thread puts its job back for more urgent work (queues.h), or for its
 * equals when it has had the thread for a while. What one turn of the loop submits goes over under
 * one lock; jobs whose handlers are cheap may wait for those of the next turns, and share the price
 * of threads woken, of looks at the clock and of wake-ups of the loop: see ARCHITECTURE.md.
 *
 * A thread whose handler hangs counts as lost; another takes its place, up to twice as many in all.
 */
#ifndef DISPATCH_POOL_H
#define DISPATCH_POOL_H

#include <pthread.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "dispatch/completion.h"
#include "dispatch/job.h"
#include "dispatch/queues.h"

struct pool {
	struct completion *completion;
	unsigned threads;      /* as configured */
	unsigned queue_length; /* messages, of each queue */
	struct queues queues;
	unsigned waiting; /* loop: jobs that were not handed over at the end of the last turn */
	unsigned dear; /* loop: jobs submitted since the last flush whose handlers are not cheap */
	uint64_t submitted; /* loop: jobs so far */
	unsigned out;       /* loop: those that are not back */
	unsigned dear_out;  /* loop: those of them whose handlers were not cheap */
	/* Below: under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t work;  /* jobs wait, or the pool stops */
	pthread_cond_t ended; /* a thread has */
	unsigned alive;
	unsigned idle;
	unsigned woken; /* of these, those that were woken and have not come to it yet */
	unsigned lost;
	bool stopping;
};

/* Prepares a pool that has no threads yet. */
void pool_open(struct pool *pool, const struct config *config, struct completion *completion);

/* Starts the threads. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int pool_start(struct pool *pool, struct error *error);

/*
 * Ends the threads. Returns whether all have ended within half a second: else a handler hangs, and
 * the process can only end by _exit.
 */
PF_MUST_CHECK bool pool_stop(struct pool *pool);

/*
 * Loop, once in a while: starts the threads that could not be started in the place of lost ones,
 * and wakes what is idle while jobs wait: handlers that were cheap may have begun to take their
 * time.
 */
void pool_top_up(struct pool *pool);

/* Loop: how many threads are lost now. */
unsigned pool_lost(struct pool *pool);

/* Loop: how many threads have a job now. */
unsigned pool_busy(struct pool *pool);

/* Loop: how many messages of that priority wait. */
unsigned pool_queued(struct pool *pool, enum config_priority priority);

/* Loop: how many messages of that priority can be submitted now. */
unsigned pool_room(struct pool *pool, enum config_priority priority);

/* Loop: whether its queue is less than half full. */
bool pool_is_relieved(struct pool *pool, enum config_priority priority);

/* Loop: takes JOB, which is sealed. It goes to the threads with the next flush. */
void pool_submit(struct pool *pool, struct job *job);

/* Loop: JOB is back. */
void pool_job_is_back(struct pool *pool, const struct job *job);

/* Loop: whether a thread has, or is to have, a job that is not cheap. */
static inline bool
pool_has_dear(const struct pool *pool)
{
	return pool->dear_out > 0;
}

/* Loop, at the end of a turn: hands over what was submitted, unless it may wait for the next. */
void pool_flush(struct pool *pool);

/* Loop: whether something waits, so that there has to be a next turn. */
bool pool_has_staged(const struct pool *pool);

/*
 * Loop: takes back what JOB has not begun: requests from the returned index up to *END. *OVER says
 * whether the job is the caller's as well, since no thread has it.
 */
unsigned pool_take_back(struct pool *pool, struct job *job, unsigned *end, bool *over);

/*
 * Loop: if a thread runs a handler for JOB, that hangs: the thread is lost, and another takes its
 * place. Returns whether it is so, and was not before.
 */
PF_MUST_CHECK bool pool_give_up(struct pool *pool, struct job *job);

#endif
