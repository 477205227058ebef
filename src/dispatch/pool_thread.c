#include <config.h>

#include "dispatch/pool_thread.h"

#include <sys/param.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "dispatch/request.h"

enum {
	STRETCH_MAX = 16,   /* cheap requests that begin between two looks at the clock */
	SLICE_NS = 1000000, /* a job has a thread for so long while its equals wait */
	POST_NS = 100000,   /* replies wait no longer than that for the rest of their job */
};

/* Where a thread is with its job, and with what it owes the loop. */
struct turn {
	struct job *job;
	int64_t posted_ns;
	unsigned unposted; /* requests done and not posted */
	bool had_slice;    /* it may have to wait behind its equals */
	bool owes_wake;    /* the loop was not woken for the jobs that ended since owed_ns */
	int64_t owed_ns;
};

static void
wake_loop(struct pool *pool, struct turn *turn)
{
	completion_wake(pool->completion);
	turn->owes_wake = false;
}

/* Under the lock: what waits does not wait for this thread, if another one is there. */
static void
hand_on(struct pool *pool)
{
	if (pool->idle == 0 || pool->woken > 0 || !queues_are_waiting(&pool->queues))
		return;
	pool->woken++;
	pthread_cond_signal(&pool->work);
}

static bool
take_job(struct pool *pool, struct turn *turn)
{
	turn->job = queues_take(&pool->queues);
	if (turn->job == NULL)
		return false;
	turn->job->held = true;
	if (!pool_job_is_cheap(turn->job))
		hand_on(pool);
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
post_done(struct pool *pool, struct turn *turn, int64_t now_ns)
{
	if (turn->unposted == 0)
		return;
	job_put(turn->job, pool->completion, false);
	wake_loop(pool, turn);
	turn->unposted = 0;
	turn->posted_ns = now_ns;
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

/*
 * How many requests of JOB may begin before the time is read again and they are accounted for. But
 * for the first the queue counts them until then, so they must be few in comparison.
 */
static int
stretch(const struct pool *pool, const struct job *job)
{
	if (!pool_job_is_cheap(job))
		return 1;
	return MIN(STRETCH_MAX, 1 + (int)(pool->queue_length / 64));
}

/* Runs up to CREDIT requests, as long as nothing urges. Returns how many have begun. */
static int
run_stretch(struct pool *pool, struct job *job, int credit)
{
	struct request *request;
	int begun = 0;

	while (begun < credit && (request = job_begin(job)) != NULL) {
		if (begun++ == 0)
			queues_uncount(&pool->queues, job->priority, 1);
		request_run(request);
		if (unlikely(ends_job(request)))
			drop_rest(pool, job);
		job_done(job);
		if (queues_are_urging(&pool->queues, job->priority))
			break;
	}
	return begun;
}

/* Wakes the loop, if it has waited long enough, or would wait for a dear job. Returns the time. */
static int64_t
settle_debt(struct pool *pool, struct turn *turn)
{
	const int64_t now_ns = clock_monotonic_ns();

	if (!turn->owes_wake || (pool_job_is_cheap(turn->job) && now_ns - turn->owed_ns <= POST_NS))
		return now_ns;
	wake_loop(pool, turn);
	return clock_monotonic_ns();
}

/*
 * Runs what there is credit for, as long as nothing urges. Returns the time. That of the begin
 * comes first, so that nobody takes the time of the one before for that of this one.
 */
static int64_t
run(struct pool *pool, struct turn *turn)
{
	struct job *job = turn->job;
	int64_t now_ns = settle_debt(pool, turn);
	const int64_t since_ns = now_ns;
	int begun, credit;

	turn->posted_ns = now_ns;
	do {
		const int64_t begun_ns = now_ns;

		credit = queues_charge(&pool->queues, job->priority, stretch(pool, job));
		job_begins(job, now_ns / 1000);
		begun = run_stretch(pool, job, credit);
		if (begun < credit)
			queues_refund(&pool->queues, job->priority, credit - begun);
		if (begun > 1)
			queues_uncount(&pool->queues, job->priority, (unsigned)begun - 1);
		if (begun == 0)
			break;
		now_ns = clock_monotonic_ns();
		service_measure(job->service, (now_ns - begun_ns) / begun);
		job_times_spend(&job->times, now_ns - begun_ns);
		turn->unposted += (unsigned)begun;
		if (now_ns - turn->posted_ns > POST_NS && job_left(job) > 0)
			post_done(pool, turn, now_ns);
	} while (now_ns - since_ns <= SLICE_NS && !queues_are_urging(&pool->queues, job->priority));
	turn->had_slice = now_ns - since_ns > SLICE_NS;
	return now_ns;
}

/* Cheap jobs that end one after another are worth one wake-up. */
static void
owe_wake(struct turn *turn, int64_t now_ns)
{
	if (!turn->owes_wake)
		turn->owed_ns = now_ns;
	turn->owes_wake = true;
}

/* Under the lock, which it leaves meanwhile: serves a job until it is over or has to wait. */
static void
serve(struct pool *pool, struct turn *turn)
{
	int64_t now_ns;

	turn->unposted = 0;
	do {
		pthread_mutex_unlock(&pool->lock);
		now_ns = run(pool, turn);
		pthread_mutex_lock(&pool->lock);
	} while (queues_extend(&pool->queues, turn->job, turn->had_slice));

	let_go(pool, turn);
	if (job_left(turn->job) > 0) {
		post_done(pool, turn, now_ns);
		queues_put_back(&pool->queues, turn->job, turn->had_slice);
	} else {
		job_put(turn->job, pool->completion, true);
		owe_wake(turn, now_ns);
	}
}

/* A thread that was lost and came back is one too many. */
static bool
is_surplus(const struct pool *pool)
{
	return pool->alive - pool->lost > pool->threads;
}

/* Under the lock, which it leaves meanwhile. */
static void
rest(struct pool *pool, struct turn *turn)
{
	if (turn->owes_wake) {
		pthread_mutex_unlock(&pool->lock);
		wake_loop(pool, turn);
		pthread_mutex_lock(&pool->lock);
		return;
	}
	pool->idle++;
	pthread_cond_wait(&pool->work, &pool->lock);
	pool->idle--;
	if (pool->woken > 0)
		pool->woken--;
}

void *
pool_thread_main(void *arg)
{
	struct pool *pool = arg;
	struct turn turn = { 0 };

	pthread_mutex_lock(&pool->lock);
	while (!pool->stopping && !is_surplus(pool)) {
		if (take_job(pool, &turn))
			serve(pool, &turn);
		else
			rest(pool, &turn);
	}
	if (turn.owes_wake)
		wake_loop(pool, &turn);
	if (!pool->stopping)
		hand_on(pool);
	pool->alive--;
	pthread_cond_signal(&pool->ended);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}
