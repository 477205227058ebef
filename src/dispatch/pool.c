#include <config.h>

#include "dispatch/pool.h"

#include <string.h>
#include <sys/param.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/request.h"

enum {
	SLICE_US = 1000, /* a job has a thread for so long while its equals wait */
	POST_US = 100,   /* replies wait no longer than that for the rest of their job */
	STOP_MS = 500,   /* less than the master waits before it kills */
};

/* Where a thread is with its job. */
struct turn {
	struct job *job;
	int64_t since_us;
	int64_t posted_us;
	unsigned unposted; /* requests done and not posted */
};

static bool
take_job(struct pool *pool, struct turn *turn)
{
	turn->job = queues_take(&pool->queues);
	if (turn->job == NULL)
		return false;
	turn->job->held = true;
	return true;
}

static void
let_go(struct pool *pool, const struct turn *turn)
{
	turn->job->held = false;
	if (turn->job->lost)
		pool->lost--;
	turn->job->lost = false;
}

static void
post_done(struct pool *pool, struct turn *turn, int64_t now_us)
{
	if (turn->unposted == 0)
		return;
	job_post(turn->job, pool->completion, false);
	turn->unposted = 0;
	turn->posted_us = now_us;
}

/* What was kept has to be answered first, and what was closed has no more to say. */
static bool
ends_job(const struct request *request)
{
	return request->verdict == PF_CLOSE ||
		(request->pending && !service_is_concurrent(request->service));
}

static void
drop_rest(struct pool *pool, struct job *job)
{
	unsigned end, first = job_take_back(job, &end);

	queues_uncount(&pool->queues, job->priority, end - first);
}

static void
handle(struct pool *pool, struct turn *turn, struct request *request, int64_t now_us)
{
	request->begun_us = now_us;
	request_run(request);
	request->ended_us = clock_monotonic_us();
	service_measure(request->service, request->ended_us - request->begun_us);
	if (unlikely(ends_job(request)))
		drop_rest(pool, turn->job);
}

/*
 * The next request, if there is one and credit for it. The time comes first, so that nobody takes
 * the time of the one before for that of this one.
 */
static struct request *
begin(struct pool *pool, struct job *job, int64_t now_us)
{
	struct request *request;

	if (!queues_charge(&pool->queues, job->priority))
		return NULL;
	atomic_store_explicit(&job->begun_us, now_us, memory_order_relaxed);
	request = job_begin(job);
	if (request == NULL)
		queues_refund(&pool->queues, job->priority);
	else
		queues_uncount(&pool->queues, job->priority, 1);
	return request;
}

/* Runs what there is credit for, as long as nothing urges. Returns the time. */
static int64_t
run(struct pool *pool, struct turn *turn)
{
	const enum config_priority priority = turn->job->priority;
	struct request *request;
	int64_t now_us = clock_monotonic_us();

	turn->since_us = turn->posted_us = now_us;
	while ((request = begin(pool, turn->job, now_us)) != NULL) {
		handle(pool, turn, request, now_us);
		now_us = request->ended_us;
		turn->unposted++;
		atomic_fetch_add_explicit(&turn->job->done, 1, memory_order_release);
		if (now_us - turn->posted_us > POST_US && job_left(turn->job) > 0)
			post_done(pool, turn, now_us);
		if (queues_are_urging(&pool->queues, priority) ||
			now_us - turn->since_us > SLICE_US)
			break;
	}
	return now_us;
}

/* Under the lock, which it leaves meanwhile: serves a job until it is over or has to wait. */
static void
serve(struct pool *pool, struct turn *turn)
{
	bool had_slice;
	int64_t now_us;

	turn->unposted = 0;
	do {
		pthread_mutex_unlock(&pool->lock);
		now_us = run(pool, turn);
		had_slice = now_us - turn->since_us > SLICE_US;
		pthread_mutex_lock(&pool->lock);
	} while (queues_extend(&pool->queues, turn->job, had_slice));

	let_go(pool, turn);
	if (job_left(turn->job) > 0) {
		post_done(pool, turn, now_us);
		queues_put_back(&pool->queues, turn->job, had_slice);
	} else {
		job_post(turn->job, pool->completion, true);
	}
}

/* A thread that was lost and came back is one too many. */
static bool
is_surplus(const struct pool *pool)
{
	return pool->alive - pool->lost > pool->threads;
}

static void *
thread_main(void *arg)
{
	struct pool *pool = arg;
	struct turn turn;

	pthread_mutex_lock(&pool->lock);
	while (!pool->stopping && !is_surplus(pool)) {
		if (take_job(pool, &turn)) {
			serve(pool, &turn);
			continue;
		}
		pool->idle++;
		pthread_cond_wait(&pool->work, &pool->lock);
		pool->idle--;
	}
	pool->alive--;
	pthread_cond_signal(&pool->ended);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Under the lock. Signals are blocked in the whole process, which new threads inherit. */
static int
start_thread(struct pool *pool)
{
	pthread_attr_t detached;
	pthread_t thread;
	int failed;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	failed = pthread_create(&thread, &detached, thread_main, pool);
	pthread_attr_destroy(&detached);
	if (failed == 0)
		pool->alive++;
	return failed;
}

/* Under the lock: as many as there are to be besides the lost ones, up to twice as many. */
static int
start_threads(struct pool *pool)
{
	int failed = 0;

	while (failed == 0 && pool->alive - pool->lost < pool->threads &&
		pool->alive < 2 * pool->threads)
		failed = start_thread(pool);
	return failed;
}

void
pool_open(struct pool *pool, const struct config *config, struct completion *completion)
{
	pthread_condattr_t monotonic;

	*pool = (struct pool){
		.completion = completion,
		.threads = (unsigned)config->threads,
		.queue_length = (unsigned)config->queue_length,
	};
	queues_open(&pool->queues);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

int
pool_start(struct pool *pool, struct error *error)
{
	int failed;

	pthread_mutex_lock(&pool->lock);
	failed = start_threads(pool);
	pthread_mutex_unlock(&pool->lock);
	if (failed == 0)
		return 0;
	return error_set(error, "cannot start %u threads: %s", pool->threads, strerror(failed));
}

bool
pool_stop(struct pool *pool)
{
	struct timespec until;
	bool ended;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += STOP_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	while (pool->alive > 0 && pthread_cond_timedwait(&pool->ended, &pool->lock, &until) == 0)
		continue;
	ended = pool->alive == 0;
	pthread_mutex_unlock(&pool->lock);
	return ended;
}

void
pool_top_up(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->lost > 0)
		(void)start_threads(pool);
	pthread_mutex_unlock(&pool->lock);
}

unsigned
pool_lost(struct pool *pool)
{
	unsigned lost;

	pthread_mutex_lock(&pool->lock);
	lost = pool->lost;
	pthread_mutex_unlock(&pool->lock);
	return lost;
}

unsigned
pool_room(struct pool *pool, enum config_priority priority)
{
	return pool->queue_length - queues_count(&pool->queues, priority);
}

bool
pool_is_relieved(struct pool *pool, enum config_priority priority)
{
	return 2 * queues_count(&pool->queues, priority) < pool->queue_length;
}

void
pool_submit(struct pool *pool, struct job *job)
{
	queues_stage(&pool->queues, job);
}

void
pool_flush(struct pool *pool)
{
	unsigned woken;

	if (pool->queues.staged == 0)
		return;
	pthread_mutex_lock(&pool->lock);
	woken = queues_hand_over(&pool->queues);
	if (woken > pool->idle)
		woken = pool->idle;
	pthread_mutex_unlock(&pool->lock);
	while (woken-- > 0)
		pthread_cond_signal(&pool->work);
}

unsigned
pool_take_back(struct pool *pool, struct job *job, unsigned *end, bool *over)
{
	unsigned first;

	pthread_mutex_lock(&pool->lock);
	first = job_take_back(job, end);
	*over = job->queued;
	if (job->queued)
		queues_remove(&pool->queues, job);
	pthread_mutex_unlock(&pool->lock);
	queues_uncount(&pool->queues, job->priority, *end - first);
	return first;
}

bool
pool_give_up(struct pool *pool, struct job *job)
{
	int failed = 0;
	bool hangs;

	pthread_mutex_lock(&pool->lock);
	hangs = job->held && !job->lost;
	if (hangs) {
		job->lost = true;
		pool->lost++;
		failed = start_threads(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	if (failed != 0)
		log_warn("cannot replace a lost thread", log_str("error", strerror(failed)));
	return hangs;
}
