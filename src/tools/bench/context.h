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
	int64_t budget;    /* requests that may still be sent */
	uint64_t finished; /* requests of the window that were answered or lost */
};

static inline bool
context_measures(const struct context *context, int64_t now_ns)
{
	return now_ns >= context->from_ns && now_ns < context->until_ns;
}

#endif
