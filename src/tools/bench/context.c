#include <config.h>

#include "tools/bench/context.h"

void
context_count_error(struct context *context, enum board_error error)
{
	atomic_fetch_add_explicit(&context->tally->errors[error], 1, memory_order_relaxed);
}

void
context_count_watched(struct context *context, uint32_t replies)
{
	_Atomic uint64_t *watched = &context->tally->replies;
	uint64_t before = atomic_load_explicit(watched, memory_order_relaxed);

	/* There is no other writer: no need for the price of an atomic addition. */
	atomic_store_explicit(watched, before + replies, memory_order_relaxed);
}

/* Counts REQUESTS that took LATENCY_NS and were answered in the window. */
static void
count_measured(struct context *context, int64_t now_ns, int64_t latency_ns, uint32_t requests)
{
	struct tally *tally = context->tally;

	context->finished += requests;
	tally->requests += requests;
	histogram_add(&tally->latency, latency_ns, requests);
	if (context_is_open_loop(context)) {
		struct tally_step *step = &tally->steps[context_step(context, now_ns)];

		step->requests += requests;
		histogram_add(&step->latency, latency_ns, requests);
	}
}

/*
 * The same behind the end of the window, which is waited for in an open loop: to leave out those
 * that took long would be the very omission that it is there to correct.
 */
static void
count_late(struct context *context, int64_t latency_ns, uint32_t requests)
{
	struct tally *tally = context->tally;
	size_t last = context->plan->schedule.steps - 1;

	histogram_add(&tally->latency, latency_ns, requests);
	histogram_add(&tally->steps[last].latency, latency_ns, requests);
}

void
context_count_replies(
	struct context *context, int64_t now_ns, int64_t latency_ns, uint32_t requests)
{
	if (context_measures(context, now_ns))
		count_measured(context, now_ns, latency_ns, requests);
	else if (context->ending)
		count_late(context, latency_ns, requests);
}
