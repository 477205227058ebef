/*
 * Between sessions and modules, in one worker: the pool, what comes back from it, and the requests
 * that are kept. Loop only, unless it says otherwise.
 */
#ifndef DISPATCH_DISPATCH_H
#define DISPATCH_DISPATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <prefork/module.h>

#include "dispatch/completion.h"
#include "dispatch/job.h"
#include "dispatch/kept.h"
#include "dispatch/letter.h"
#include "dispatch/pool.h"
#include "dispatch/request.h"

/* Implemented by the owner. All but the first on the loop. */
struct dispatch_ops {
	/* Calls THEN if that connection of SERVICE is open, which it stays meanwhile. Any thread.
	 */
	bool (*if_open)(void *arg, const struct service *service, uint64_t connection,
		void (*then)(void *then_arg), void *then_arg);
	/*
	 * Requests of JOB have come back: those up to job->done are done. With OVER all have, and
	 * the job is freed next.
	 */
	void (*returned)(void *arg, struct job *job, bool over);
	/*
	 * JOB has a handler that takes long: what is done of it need not wait for that, nor, if the
	 * module is concurrent, what has not begun.
	 */
	void (*stalled)(void *arg, struct job *job);
	/* A request that was kept and pending is over. */
	void (*answered)(void *arg, struct request *request);
	void (*letter)(void *arg, const struct letter *letter);
};

struct dispatch {
	struct completion completion;
	struct pool pool;
	const struct dispatch_ops *ops;
	void *arg;
	struct request_list spare;
	struct job_list spare_jobs;
	unsigned spare_count, spare_job_count;
	struct kept kept;
	struct job_list watched; /* those with a handler that was given up */
	struct job_list batches; /* those of several requests */
	_Atomic size_t letters;  /* bytes of those on their way. Any thread */
	bool has_pool;
};

/* The functions that modules may call. */
extern const struct pf_api dispatch_api;

/* Prepares. CONFIG must outlive it. */
void dispatch_open(struct dispatch *dispatch, const struct config *config, struct loop *loop,
	const struct dispatch_ops *ops, void *arg);

/* Starts the pool. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int dispatch_start(struct dispatch *dispatch, struct error *error);

/* Ends the pool. Returns false if a handler hangs: then only _exit can end the process. */
PF_MUST_CHECK bool dispatch_stop(struct dispatch *dispatch);

/* Reports what was never answered and frees everything. No session may be left. */
void dispatch_close(struct dispatch *dispatch);

/* Takes what threads have posted. */
void dispatch_collect(struct dispatch *dispatch);

/*
 * A request of SERVICE, or NULL without memory. All that each request needs is zero, with an empty
 * reply; what is filled only when need be, see request.h, is not.
 */
struct request *dispatch_new_request(struct dispatch *dispatch, struct service *service);

/* Frees it and its reply; nobody else may have it. */
void dispatch_free_request(struct dispatch *dispatch, struct request *request);

/* An empty job, or NULL without memory; frees one. */
struct job *dispatch_new_job(struct dispatch *dispatch);
void dispatch_free_job(struct dispatch *dispatch, struct job *job);

/* Submits a sealed job to the pool. */
void dispatch_submit(struct dispatch *dispatch, struct job *job);

/* Once in a while: looks for jobs that a long handler holds up. */
void dispatch_check_batches(struct dispatch *dispatch);

/*
 * Nobody waits for the request that a thread runs for JOB any longer, and no other of it begins.
 * If its handler takes longer than LIMIT_MS in all (0: for ever), or from now on if it was thought
 * cheap and nobody knows when it was called, the thread counts as lost.
 */
void dispatch_watch(struct dispatch *dispatch, struct job *job, int64_t limit_ms);

/* Once in a while: looks for handlers that hang. */
void dispatch_check_watched(struct dispatch *dispatch);

#endif
