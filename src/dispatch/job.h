/*
 * What the pool is given at a time: requests of one connection and one priority. A thread begins
 * them one after another; what it has not begun can be taken back at any moment. Which ones those
 * are is one word, so that both sides always agree.
 *
 * Which requests are done the thread says with `done`; from then on they are the loop's again. A
 * job is posted to the loop when some are, and once more, with JOB_OVER, when no thread has it any
 * longer; then the loop frees it.
 */
#ifndef DISPATCH_JOB_H
#define DISPATCH_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "config/config.h"
#include "dispatch/completion.h"
#include "dispatch/job_times.h"

struct request;
struct service;

enum { JOB_MAX = 64 /* requests */ };

/* Bits of `flags`. */
enum {
	JOB_POSTED = 1, /* it is on its way to the loop */
	JOB_OVER = 2,   /* no thread touches it any more */
};

struct job {
	struct post post;
	TAILQ_ENTRY(job) entry;         /* in a queue of the pool; or among spare ones */
	TAILQ_ENTRY(job) watched_entry; /* if `watched` */
	TAILQ_ENTRY(job) batch_entry;   /* if `batch` */
	uint64_t connection;            /* id of the one whose requests these are */
	struct service *service;        /* theirs */
	enum config_priority priority;
	unsigned count;          /* requests */
	unsigned collected;      /* loop: of them, those that it has got back as done */
	_Atomic uint64_t limits; /* begun, and in the upper half the end of what may begin */
	_Atomic unsigned done;
	_Atomic unsigned flags;
	_Atomic int64_t begun_us; /* of the handler that runs, or cheap ones right before it */
	_Atomic unsigned begun;   /* how many had begun by then */
	struct job_times times;
	int64_t limit_us; /* loop: watched: how long its handler may take */
	int64_t since_us; /* loop: watched: from when on */
	bool watched;     /* loop: its handler was given up, and may hang */
	bool batch;       /* loop: its requests could run side by side */
	bool dear;        /* loop: its handlers did not seem cheap when it was submitted */
	bool queued;      /* under the pool's lock: it is in a queue */
	bool held;        /* under the pool's lock: a thread has it */
	bool lost;        /* under the pool's lock: that thread counts as lost */
	struct request *requests[JOB_MAX];
};

TAILQ_HEAD(job_list, job);

/* Once all requests are in: allows them to begin. */
static inline void
job_seal(struct job *job)
{
	atomic_store_explicit(&job->limits, (uint64_t)job->count << 32, memory_order_relaxed);
}

static inline unsigned
job_begun(uint64_t limits)
{
	return (unsigned)(limits & UINT32_MAX);
}

static inline unsigned
job_end(uint64_t limits)
{
	return (unsigned)(limits >> 32);
}

static inline bool
job_has_begun(struct job *job)
{
	return job_begun(atomic_load_explicit(&job->limits, memory_order_relaxed)) > 0;
}

/* How many may still begin. */
static inline unsigned
job_left(struct job *job)
{
	uint64_t limits = atomic_load_explicit(&job->limits, memory_order_relaxed);

	return job_end(limits) - job_begun(limits);
}

/* Thread: its next handlers are called now. */
static inline void
job_begins(struct job *job, int64_t now_us)
{
	const uint64_t limits = atomic_load_explicit(&job->limits, memory_order_relaxed);

	atomic_store_explicit(&job->begun_us, now_us, memory_order_relaxed);
	job_times_begin(&job->times, now_us);
	atomic_store_explicit(&job->begun, job_begun(limits), memory_order_release);
}

/* What that said. Any thread. */
int64_t job_begun_us(struct job *job);

/* Any thread: whether that was right before the handler that runs, and no other ran meanwhile. */
bool job_begun_is_exact(struct job *job);

/* Loop: whether some are done and not collected, or may still begin. */
bool job_has_more(struct job *job);

/* Thread: begins the next request, which is its own until it is done. NULL: none may begin. */
static inline struct request *
job_begin(struct job *job)
{
	uint64_t limits = atomic_load_explicit(&job->limits, memory_order_relaxed);

	while (job_begun(limits) < job_end(limits)) {
		if (atomic_compare_exchange_weak(&job->limits, &limits, limits + 1))
			return job->requests[job_begun(limits)];
	}
	return NULL;
}

/* Thread, the only one that has the job: the request that began last is done. */
static inline void
job_done(struct job *job)
{
	const unsigned done = atomic_load_explicit(&job->done, memory_order_relaxed);

	atomic_store_explicit(&job->done, done + 1, memory_order_release);
}

/*
 * Either side: what has not begun will not. Returns the index of the first of these; up to the
 * former end, which is in *END, they are the caller's.
 */
unsigned job_take_back(struct job *job, unsigned *end);

/*
 * Hands to the loop what is done; with OVER, the job too, which may not be touched again. A thread
 * has to wake the loop then.
 */
void job_put(struct job *job, struct completion *completion, bool over);

#endif
