#include <config.h>

#include "dispatch/pool.h"

#include <string.h>
#include <sys/param.h>
#include <time.h>

#include "base/log.h"
#include "dispatch/pool_thread.h"

enum {
	WAITING_MAX = 32, /* jobs that wait for others to be handed over with them */
	STOP_MS = 500,    /* less than the master waits before it kills */
};

/* Under the lock. Signals are blocked in the whole process, which new threads inherit. */
static int
start_thread(struct pool *pool)
{
	pthread_attr_t detached;
	pthread_t thread;
	int failed;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	failed = pthread_create(&thread, &detached, pool_thread_main, pool);
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

static void
wake(struct pool *pool, unsigned threads)
{
	while (threads-- > 0)
		pthread_cond_signal(&pool->work);
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
	unsigned woken = 0;

	pthread_mutex_lock(&pool->lock);
	if (pool->lost > 0)
		(void)start_threads(pool);
	if (queues_are_waiting(&pool->queues))
		woken = pool->idle;
	pthread_mutex_unlock(&pool->lock);
	wake(pool, woken);
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
pool_busy(struct pool *pool)
{
	unsigned busy;

	pthread_mutex_lock(&pool->lock);
	busy = pool->alive - pool->idle;
	pthread_mutex_unlock(&pool->lock);
	return busy;
}

unsigned
pool_queued(struct pool *pool, enum config_priority priority)
{
	return queues_count(&pool->queues, priority);
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
	pool->submitted++;
	pool->out++;
	job->dear = !pool_job_is_cheap(job);
	if (job->dear) {
		pool->dear++;
		pool->dear_out++;
	}
	queues_stage(&pool->queues, job);
}

void
pool_job_is_back(struct pool *pool, const struct job *job)
{
	pool->out--;
	if (job->dear)
		pool->dear_out--;
}

/*
 * Under the lock: how many threads are to be woken for so many more jobs. One goes through all that
 * are cheap, in less time than others take to wake up.
 */
static unsigned
threads_for(struct pool *pool, unsigned jobs)
{
	const unsigned asleep = pool->idle - MIN(pool->woken, pool->idle);
	unsigned wanted = pool->dear;

	if (jobs > pool->dear && pool->woken == 0)
		wanted++;
	return MIN(wanted, asleep);
}

bool
pool_has_staged(const struct pool *pool)
{
	return pool->queues.staged > 0;
}

/*
 * Cheap jobs that are more than one wait for others: as long as each turn of the loop brings some,
 * and they are not too many.
 */
static bool
may_wait(struct pool *pool)
{
	const unsigned staged = pool->queues.staged;
	const bool more = staged > pool->waiting;

	pool->waiting = staged;
	return pool->dear == 0 && staged > 1 && staged < WAITING_MAX && more;
}

void
pool_flush(struct pool *pool)
{
	unsigned woken;

	if (pool->queues.staged == 0 || may_wait(pool))
		return;
	pool->waiting = 0;
	pthread_mutex_lock(&pool->lock);
	woken = threads_for(pool, queues_hand_over(&pool->queues));
	pool->woken += woken;
	pthread_mutex_unlock(&pool->lock);
	pool->dear = 0;
	wake(pool, woken);
}

unsigned
pool_take_back(struct pool *pool, struct job *job, unsigned *end, bool *over)
{
	unsigned first;

	pthread_mutex_lock(&pool->lock);
	first = job_take_back(job, end);
	*over = job->queued;
	if (job->queued && queues_remove(&pool->queues, job) && job->dear)
		pool->dear--;
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
