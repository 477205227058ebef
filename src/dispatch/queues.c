#include <config.h>

#include "dispatch/queues.h"

#include <assert.h>
#include <sys/param.h>

#include "base/compiler.h"

/* Messages in a round: of 21 in a row, 16, 4 and 1. Runs of four cost fewer locks. */
static const int weights[] = {
	[CONFIG_PRIORITY_HIGH] = 16 * 4,
	[CONFIG_PRIORITY_NORMAL] = 4 * 4,
	[CONFIG_PRIORITY_LOW] = 1 * 4,
};
static_assert(countof(weights) == CONFIG_PRIORITY__COUNT, "a weight for each");

/* Rounds whose credit a queue keeps at most. */
enum {
	ROUNDS_KEPT = 4,
};

static int
credit_of(const struct queue *queue)
{
	return atomic_load_explicit(&queue->credit, memory_order_relaxed);
}

/*
 * What a queue has left, it keeps as long as it has messages, for a thread may just hold them. But
 * that may be for long, and when they are back the queue is served alone until all is used up.
 */
static void
begin_round(struct queues *queues)
{
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		struct queue *queue = &queues->by_priority[i];
		const int room = ROUNDS_KEPT * weights[i] - credit_of(queue);

		if (queues_count(queues, (enum config_priority)i) > 0)
			atomic_fetch_add_explicit(
				&queue->credit, MIN(weights[i], room), memory_order_relaxed);
		else
			atomic_store_explicit(&queue->credit, weights[i], memory_order_relaxed);
	}
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

		if (!is_empty(queue) && credit_of(queue) > 0)
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
		if (credit_of(queue) > 0)
			return queue;
		if (first == NULL)
			first = queue;
	}
	if (first != NULL)
		begin_round(queues);
	return first;
}

struct job *
queues_take(struct queues *queues)
{
	struct queue *queue = choose(queues);
	struct job *job;

	if (queue == NULL)
		return NULL;
	job = TAILQ_FIRST(&queue->jobs);
	TAILQ_REMOVE(&queue->jobs, job, entry);
	job->queued = false;
	show_runnable(queues);
	return job;
}

bool
queues_extend(struct queues *queues, struct job *job, bool behind)
{
	struct queue *queue = &queues->by_priority[job->priority];
	const struct queue *next;

	if (job_left(job) == 0 || (behind && !is_empty(queue)))
		return false;
	next = choose(queues);
	if (next != NULL && next < queue) /* the more urgent stand first */
		return false;
	if (next == NULL && credit_of(queue) <= 0)
		begin_round(queues);
	show_runnable(queues);
	return credit_of(queue) > 0;
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

bool
queues_are_waiting(const struct queues *queues)
{
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		if (!is_empty(&queues->by_priority[i]))
			return true;
	}
	return false;
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

bool
queues_remove(struct queues *queues, struct job *job)
{
	struct queue *queue = &queues->by_priority[job->priority];
	const bool staged = is_staged(queue, job);

	if (staged) {
		TAILQ_REMOVE(&queue->staged, job, entry);
		queues->staged--;
	} else {
		TAILQ_REMOVE(&queue->jobs, job, entry);
	}
	job->queued = false;
	show_runnable(queues);
	return staged;
}
