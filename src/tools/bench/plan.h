/* What a run does, made from the command line before any process is forked. Immutable then. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/param.h>

#include "base/address.h"
#include "base/compiler.h"
#include "base/error.h"
#include "tools/bench/options.h"
#include "tools/bench/payload.h"
#include "tools/bench/replies.h"
#include "tools/bench/schedule.h"

struct plan {
	const struct options *options; /* borrowed */
	struct address *addresses;     /* options->address_count; connections take them in turn */
	struct address *sources;       /* source_count, bound to in turn */
	size_t source_count;
	struct payload payload;
	struct replies_rules rules;
	struct schedule schedule;
	uint32_t pipeline; /* requests in flight of a connection: never over those of its life */
	unsigned workers;  /* threads of all processes */
};

/*
 * Looks up names, makes the messages and sees that descriptors suffice. Returns 0, or the exit
 * status with the reason; plan_free frees in both cases.
 */
PF_MUST_CHECK int plan_make(struct plan *plan, const struct options *options, struct error *error);

void plan_free(struct plan *plan);

/* The share of worker NUMBER of a TOTAL: shares differ by 1 at most. */
static inline uint64_t
plan_share(const struct plan *plan, uint64_t total, unsigned number)
{
	return total / plan->workers + (number < total % plan->workers);
}

/* How many of a TOTAL the workers before NUMBER have. */
static inline uint64_t
plan_before(const struct plan *plan, uint64_t total, unsigned number)
{
	return total / plan->workers * number + MIN(number, total % plan->workers);
}

/* The share of worker NUMBER of the requests: that of its connections. */
static inline uint64_t
plan_requests(const struct plan *plan, unsigned number)
{
	uint64_t requests = plan->options->requests, connections = plan->options->connections;

	return requests * plan_before(plan, connections, number + 1) / connections -
		requests * plan_before(plan, connections, number) / connections;
}

#endif
