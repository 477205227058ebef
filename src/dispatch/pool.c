#include <config.h>

#include "dispatch/pool.h"

#include <assert.h>
#include <string.h>
#include <sys/param.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/request.h"

enum {
	SLICE_US = 1000, /* a job has a thread for so long while its equals wait */
	POST_US = 100,   /* replies wait no longer than that for the rest of their job */
	STOP_S = 1,
};

/* Messages in a round: of 21 in a row, 16, 4 and 1. Runs of four cost fewer locks. */
static const int weights[] = {
	[CONFIG_PRIORITY_HIGH] = 16 * 4,
	[CONFIG_PRIORITY_NORMAL] = 4 * 4,
	[CONFIG_PRIORITY_LOW] = 1 * 4,
};
static_assert(countof(weights) == CONFIG_PRIORITY__COUNT, "a weight for each");

static void
uncount(struct pool *pool, enum config_priority priority, unsigned messages)
{
	atomic_fetch_sub_explicit(&pool->queues[priority].count, messages, memory_order_relaxed);
}

/* Where a thread is: its job, and what of it was granted. */
struct turn {
	struct job *job;
	unsigned granted; /* messages */
	int64_t since_us;
	int64_t posted_us;
	unsigned unposted; /* requests done and not posted */
};

static bool
is_empty(const struct pool_queue *queue)
{
	return TAILQ_EMPTY(&queue->jobs);
}

static void
show_runnable(struct pool *pool)
{
	unsigned runnable = 0;

	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		const struct pool_queue *queue = &pool->queues[i];

		if (!is_empty(queue) && queue->credit > 0)
			runnable |= 1u << i;
	}
	atomic_store_explicit(&pool->runnable, runnable, memory_order_relaxed);
}

static void
begin_round(struct pool *pool)
{
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++)
		pool->queues[i].credit = weights[i];
}

/* The queue to serve next, which has credit; NULL: nothing waits. May begin a round. */
static struct pool_queue *
choose(struct pool *pool)
{
	struct pool_queue *first = NULL;

	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		struct pool_queue *queue = &pool->queues[i];

		if (is_empty(queue))
			continue;
		if (queue->credit > 0)
			return queue;
		if (first == NULL)
			first = queue;
	}
	if (first != NULL)
		begin_round(pool);
	return first;
}

static unsigned
grant(struct pool_queue *queue, struct job *job)
{
	unsigned left = job_left(job), credit = (unsigned)queue->credit;
	unsigned granted = left < credit ? left : credit;

	queue->credit -= (int)granted;
	return granted;
}

static bool
take_job(struct pool *pool, struct turn *turn)
{
	struct pool_queue *queue = choose(pool);

	if (queue == NULL)
		return false;
	turn->job = TAILQ_FIRST(&queue->jobs);
	TAILQ_REMOVE(&queue->jobs, turn->job, entry);
	turn->job->queued = false;
	turn->job->held = true;
	turn->granted = grant(queue, turn->job);
	show_runnable(pool);
	return true;
}

/* The thread gives its job up, and what it was granted and did not use. */
static void
let_go(struct pool *pool, const struct turn *turn)
{
	struct pool_queue *queue = &pool->queues[turn->job->priority];
	const int credit = queue->credit + (int)turn->granted;

	queue->credit = MIN(credit, weights[turn->job->priority]);
	turn->job->held = false;
	if (turn->job->lost)
		pool->lost--;
	turn->job->lost = false;
}

/* The rest of a job waits again: in front, or, if it has had its slice, behind its equals. */
static void
put_back(struct pool *pool, const struct turn *turn, bool behind)
{
	struct pool_queue *queue = &pool->queues[turn->job->priority];

	turn->job->queued = true;
	if (behind)
		TAILQ_INSERT_TAIL(&queue->jobs, turn->job, entry);
	else
		TAILQ_INSERT_HEAD(&queue->jobs, turn->job, entry);
	show_runnable(pool);
}

/* Whether a more urgent queue has work, and credit for it. */
static bool
is_urged(struct pool *pool, const struct turn *turn)
{
	unsigned urgent = (1u << turn->job->priority) - 1;

	return (atomic_load_explicit(&pool->runnable, memory_order_relaxed) & urgent) != 0;
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
	const bool concurrent = (request->service->module.flags & PF_MODULE_CONCURRENT) != 0;

	return request->verdict == PF_CLOSE || (request->pending && !concurrent);
}

static void
drop_rest(struct pool *pool, struct job *job)
{
	unsigned end, first = job_take_back(job, &end);

	uncount(pool, job->priority, end - first);
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

/* The time comes first, so that nobody takes the time of the one before for that of this one. */
static struct request *
begin(struct job *job, int64_t now_us)
{
	atomic_store_explicit(&job->begun_us, now_us, memory_order_relaxed);
	return job_begin(job);
}

/* Runs what was granted. Returns the time. */
static int64_t
run_granted(struct pool *pool, struct turn *turn)
{
	struct request *request;
	int64_t now_us = clock_monotonic_us();

	turn->since_us = turn->posted_us = now_us;
	while (turn->granted > 0 && (request = begin(turn->job, now_us)) != NULL) {
		turn->granted--;
		uncount(pool, turn->job->priority, 1);
		handle(pool, turn, request, now_us);
		now_us = request->ended_us;
		turn->unposted++;
		atomic_fetch_add_explicit(&turn->job->done, 1, memory_order_release);
		if (is_urged(pool, turn) || now_us - turn->since_us > SLICE_US)
			break;
		if (now_us - turn->posted_us > POST_US)
			post_done(pool, turn, now_us);
	}
	return now_us;
}

/* Under the lock: whether the thread goes on with its job, and is granted more of it. */
static bool
extend(struct pool *pool, struct turn *turn, bool had_slice)
{
	struct pool_queue *queue = &pool->queues[turn->job->priority];
	const struct pool_queue *next;

	if (job_left(turn->job) == 0 || (had_slice && !is_empty(queue)))
		return false;
	next = choose(pool);
	if (next != NULL && next < queue)
		return false;
	if (next == NULL && queue->credit <= 0)
		begin_round(pool);
	if (turn->granted == 0)
		turn->granted = grant(queue, turn->job);
	show_runnable(pool);
	return turn->granted > 0;
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
		now_us = run_granted(pool, turn);
		had_slice = now_us - turn->since_us > SLICE_US;
		pthread_mutex_lock(&pool->lock);
	} while (extend(pool, turn, had_slice));

	let_go(pool, turn);
	if (job_left(turn->job) > 0) {
		if (turn->unposted > 0)
			job_post(turn->job, pool->completion, false);
		put_back(pool, turn, had_slice);
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

void
pool_open(struct pool *pool, const struct config *config, struct completion *completion)
{
	pthread_condattr_t monotonic;

	*pool = (struct pool){
		.completion = completion,
		.threads = (unsigned)config->threads,
		.queue_length = (unsigned)config->queue_length,
	};
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		TAILQ_INIT(&pool->queues[i].jobs);
		TAILQ_INIT(&pool->queues[i].staged);
		pool->queues[i].credit = weights[i];
	}
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
	int failed = 0;

	pthread_mutex_lock(&pool->lock);
	while (failed == 0 && pool->alive < pool->threads)
		failed = start_thread(pool);
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
	until.tv_sec += STOP_S;
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	while (pool->alive > 0 && pthread_cond_timedwait(&pool->ended, &pool->lock, &until) == 0)
		continue;
	ended = pool->alive == 0;
	pthread_mutex_unlock(&pool->lock);
	return ended;
}

static unsigned
waiting(struct pool *pool, enum config_priority priority)
{
	return atomic_load_explicit(&pool->queues[priority].count, memory_order_relaxed);
}

unsigned
pool_room(struct pool *pool, enum config_priority priority)
{
	return pool->queue_length - waiting(pool, priority);
}

bool
pool_is_relieved(struct pool *pool, enum config_priority priority)
{
	return waiting(pool, priority) <= pool->queue_length / 2;
}

void
pool_submit(struct pool *pool, struct job *job)
{
	struct pool_queue *queue = &pool->queues[job->priority];

	atomic_fetch_add_explicit(&queue->count, job->count, memory_order_relaxed);
	job->queued = true;
	TAILQ_INSERT_TAIL(&queue->staged, job, entry);
	pool->staged++;
}

void
pool_flush(struct pool *pool)
{
	unsigned woken;

	if (pool->staged == 0)
		return;
	pthread_mutex_lock(&pool->lock);
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++)
		TAILQ_CONCAT(&pool->queues[i].jobs, &pool->queues[i].staged, entry);
	show_runnable(pool);
	woken = MIN(pool->idle, pool->staged);
	pthread_mutex_unlock(&pool->lock);
	pool->staged = 0;
	while (woken-- > 0)
		pthread_cond_signal(&pool->work);
}

/* TAILQ_REMOVE finds the list by the entry, but for the last one. */
static struct job_list *
list_of(struct pool *pool, const struct job *job)
{
	struct pool_queue *queue = &pool->queues[job->priority];
	const struct job *staged;

	TAILQ_FOREACH (staged, &queue->staged, entry) {
		if (staged == job)
			return &queue->staged;
	}
	return &queue->jobs;
}

static void
unqueue(struct pool *pool, struct job *job)
{
	struct job_list *list = list_of(pool, job);

	if (list == &pool->queues[job->priority].staged)
		pool->staged--;
	TAILQ_REMOVE(list, job, entry);
	job->queued = false;
	show_runnable(pool);
}

unsigned
pool_take_back(struct pool *pool, struct job *job, unsigned *end, bool *over)
{
	unsigned first;

	pthread_mutex_lock(&pool->lock);
	first = job_take_back(job, end);
	*over = job->queued;
	if (job->queued)
		unqueue(pool, job);
	pthread_mutex_unlock(&pool->lock);
	uncount(pool, job->priority, *end - first);
	return first;
}

bool
pool_give_up(struct pool *pool, struct job *job)
{
	int failed = 0;
	bool exhausted;

	pthread_mutex_lock(&pool->lock);
	if (job->held && !job->lost) {
		job->lost = true;
		pool->lost++;
		if (pool->alive < 2 * pool->threads)
			failed = start_thread(pool);
	}
	exhausted = pool->lost >= pool->threads;
	pthread_mutex_unlock(&pool->lock);
	if (failed != 0)
		log_warn("cannot replace a lost thread", log_str("error", strerror(failed)));
	return exhausted;
}
