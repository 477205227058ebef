/*
 * The queues of the pool, one a priority, of jobs, counted in messages.
 *
 * They are served by weights: each has credit, which its messages use up as they begin. The most
 * urgent one that has any is served, and when all that hold jobs have none, each gets as much as it
 * weighs: a round. A queue whose messages are all behind one that hangs keeps the credit of four
 * rounds at most. What is submitted is staged first, so that what one turn of the loop brings, or
 * several, is handed over in one go.
 *
 * Everything is under the pool's lock, unless it says that it is the loop's or any thread's.
 */
#ifndef DISPATCH_QUEUES_H
#define DISPATCH_QUEUES_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "config/config.h"
#include "dispatch/job.h"

struct queue {
	struct job_list jobs;
	struct job_list staged; /* loop: submitted, and not handed over */
	_Atomic int credit;     /* messages that may begin in this round */
	_Atomic unsigned count; /* messages that wait, staged ones included */
};

struct queues {
	struct queue by_priority[CONFIG_PRIORITY__COUNT];
	unsigned staged;           /* loop: jobs */
	_Atomic unsigned runnable; /* bit per priority: jobs wait there, and it has credit */
};

void queues_open(struct queues *queues);

/* Loop: takes a sealed job, and counts its messages. */
void queues_stage(struct queues *queues, struct job *job);

/* Loop, under the lock: what was staged can be taken. Returns how many jobs. */
unsigned queues_hand_over(struct queues *queues);

/* Takes the job to be served next. NULL: nothing waits. May begin a round. */
struct job *queues_take(struct queues *queues);

/*
 * Whether a thread goes on with its JOB: nothing more urgent with credit waits, nor, BEHIND its
 * equals, one of these; and there is credit for it. May begin a round.
 */
bool queues_extend(struct queues *queues, struct job *job, bool behind);

/* The rest of a job waits again: in front of its equals, or behind them. */
void queues_put_back(struct queues *queues, struct job *job, bool behind);

/* Whether there is a job to be taken. */
bool queues_are_waiting(const struct queues *queues);

/* Loop, under the lock: takes a queued or staged job out. Returns whether it was staged. */
bool queues_remove(struct queues *queues, struct job *job);

/* Any thread: whether something more urgent waits and has credit. */
static inline bool
queues_are_urging(struct queues *queues, enum config_priority priority)
{
	const unsigned urgent = (1u << priority) - 1;

	return (atomic_load_explicit(&queues->runnable, memory_order_relaxed) & urgent) != 0;
}

/* Any thread: gives back credit for so many messages. */
static inline void
queues_refund(struct queues *queues, enum config_priority priority, int messages)
{
	atomic_fetch_add_explicit(
		&queues->by_priority[priority].credit, messages, memory_order_relaxed);
}

/* Any thread: uses credit for up to MOST messages. Returns for how many there was. */
static inline int
queues_charge(struct queues *queues, enum config_priority priority, int most)
{
	_Atomic int *credit = &queues->by_priority[priority].credit;
	const int there = atomic_fetch_sub_explicit(credit, most, memory_order_relaxed);
	const int got = there < 0 ? 0 : there < most ? there : most;

	if (unlikely(got < most))
		queues_refund(queues, priority, most - got);
	return got;
}

/* Any thread: how many messages wait; so many have begun or were taken back. */
static inline unsigned
queues_count(struct queues *queues, enum config_priority priority)
{
	return atomic_load_explicit(&queues->by_priority[priority].count, memory_order_relaxed);
}

static inline void
queues_uncount(struct queues *queues, enum config_priority priority, unsigned messages)
{
	atomic_fetch_sub_explicit(
		&queues->by_priority[priority].count, messages, memory_order_relaxed);
}

#endif
