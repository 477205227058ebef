/* What the connections of a thread share, and its worker keeps up. */
#ifndef BENCH_CONTEXT_H
#define BENCH_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/bench/board.h"
#include "tools/bench/plan.h"

struct context {
	const struct plan *plan;
	struct tally *tally;
	int epoll_fd;
	char *buffer; /* what a connection reads lands here first */
	size_t buffer_size;
	bool running;     /* the run has begun: requests go out */
	bool ending;      /* no more requests go out */
	int64_t begin_ns; /* of the run */
	int64_t from_ns;  /* the window that is measured */
	int64_t until_ns;
	uint64_t in_flight; /* requests of all connections */
	int64_t budget;     /* requests that may still be sent */
	uint64_t finished;  /* requests of the window that were answered or lost */
};

static inline bool
context_measures(const struct context *context, int64_t now_ns)
{
	return now_ns >= context->from_ns && now_ns < context->until_ns;
}

static inline bool
context_is_open_loop(const struct context *context)
{
	return context->plan->schedule.steps > 0;
}

/*
 * When the request of ROUND, which counts from 0, of connection NUMBER of the run is due: rounds go
 * over all connections of all threads, so that they keep the rate together with no word between
 * them.
 */
static inline int64_t
context_due_ns(const struct context *context, uint64_t round, uint64_t number)
{
	uint64_t request = round * context->plan->options->connections + number;

	return context->begin_ns + schedule_due_ns(&context->plan->schedule, request);
}

/* The step of the schedule at a time of the run. */
static inline size_t
context_step(const struct context *context, int64_t now_ns)
{
	return schedule_step(&context->plan->schedule, now_ns - context->begin_ns);
}

void context_count_error(struct context *context, enum board_error error);

/* Good replies, for those who watch. */
void context_count_watched(struct context *context, uint32_t replies);

/* REQUESTS that have had good replies at NOW_NS, LATENCY_NS behind them. */
void context_count_replies(
	struct context *context, int64_t now_ns, int64_t latency_ns, uint32_t requests);

#endif
