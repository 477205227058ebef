#include <config.h>

#include "dispatch/queues.h"

#include <assert.h>
#include <sys/param.h>

#include "base/compiler.h"

/* Messages in a round: of 21 in a row, 16, 4 and 1. Runs of four cost fewer locks. */
static const unsigned weights[] = {
	[CONFIG_PRIORITY_HIGH] = 16 * 4,
	[CONFIG_PRIORITY_NORMAL] = 4 * 4,
	[CONFIG_PRIORITY_LOW] = 1 * 4,
};
static_assert(countof(weights) == CONFIG_PRIORITY__COUNT, "a weight for each");

static void
begin_round(struct queues *queues)
{
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++)
		queues->by_priority[i].credit = weights[i];
}

void
queues_open(struct queues *queues)
{
	*queues = (struct queues){ 0 };
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		TAILQ_INIT(&queues->by_priority[i].jobs);
		TAILQ_INIT(&queues->by_priority[i].staged);
	}
	begin_round(queues);
}

static bool
is_empty(const struct queue *queue)
{
	return TAILQ_EMPTY(&queue->jobs);
}

static void
show_runnable(struct queues *queues)
{
	unsigned runnable = 0;

	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		const struct queue *queue = &queues->by_priority[i];

		if (!is_empty(queue) && queue->credit > 0)
			runnable |= 1u << i;
	}
	atomic_store_explicit(&queues->runnable, runnable, memory_order_relaxed);
}

void
queues_stage(struct queues *queues, struct job *job)
{
	struct queue *queue = &queues->by_priority[job->priority];

	atomic_fetch_add_explicit(&queue->count, job->count, memory_order_relaxed);
	job->queued = true;
	TAILQ_INSERT_TAIL(&queue->staged, job, entry);
	queues->staged++;
}

unsigned
queues_hand_over(struct queues *queues)
{
	const unsigned staged = queues->staged;

	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		struct queue *queue = &queues->by_priority[i];

		TAILQ_CONCAT(&queue->jobs, &queue->staged, entry);
	}
	queues->staged = 0;
	show_runnable(queues);
	return staged;
}

/* The queue to serve next, which has credit; NULL: nothing waits. May begin a round. */
static struct queue *
choose(struct queues *queues)
{
	struct queue *first = NULL;

	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		struct queue *queue = &queues->by_priority[i];

		if (is_empty(queue))
			continue;
		if (queue->credit > 0)
			return queue;
		if (first == NULL)
			first = queue;
	}
	if (first != NULL)
		begin_round(queues);
	return first;
}

static unsigned
grant(struct queue *queue, struct job *job)
{
	const unsigned granted = MIN(job_left(job), queue->credit);

	queue->credit -= granted;
	return granted;
}

struct job *
queues_take(struct queues *queues, unsigned *granted)
{
	struct queue *queue = choose(queues);
	struct job *job;

	if (queue == NULL)
		return NULL;
	job = TAILQ_FIRST(&queue->jobs);
	TAILQ_REMOVE(&queue->jobs, job, entry);
	job->queued = false;
	*granted = grant(queue, job);
	show_runnable(queues);
	return job;
}

bool
queues_extend(struct queues *queues, struct job *job, unsigned *granted, bool behind)
{
	struct queue *queue = &queues->by_priority[job->priority];
	const struct queue *next;

	if (job_left(job) == 0 || (behind && !is_empty(queue)))
		return false;
	next = choose(queues);
	if (next != NULL && next < queue) /* the more urgent stand first */
		return false;
	if (next == NULL && queue->credit == 0)
		begin_round(queues);
	if (*granted == 0)
		*granted = grant(queue, job);
	show_runnable(queues);
	return *granted > 0;
}

/* Even if a round has begun meanwhile: else whoever is interrupted would lose its share. */
void
queues_refund(struct queues *queues, enum config_priority priority, unsigned granted)
{
	queues->by_priority[priority].credit += granted;
}

void
queues_put_back(struct queues *queues, struct job *job, bool behind)
{
	struct queue *queue = &queues->by_priority[job->priority];

	job->queued = true;
	if (behind)
		TAILQ_INSERT_TAIL(&queue->jobs, job, entry);
	else
		TAILQ_INSERT_HEAD(&queue->jobs, job, entry);
	show_runnable(queues);
}

static bool
is_staged(const struct queue *queue, const struct job *job)
{
	const struct job *staged;

	TAILQ_FOREACH (staged, &queue->staged, entry) {
		if (staged == job)
			return true;
	}
	return false;
}

void
queues_remove(struct queues *queues, struct job *job)
{
	struct queue *queue = &queues->by_priority[job->priority];

	if (is_staged(queue, job)) {
		TAILQ_REMOVE(&queue->staged, job, entry);
		queues->staged--;
	} else {
		TAILQ_REMOVE(&queue->jobs, job, entry);
	}
	job->queued = false;
	show_runnable(queues);
}
