/* What a run has brought, as it is reported: made from what was counted. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "tools/bench/board.h"
#include "tools/bench/plan.h"

struct result {
	const struct plan *plan; /* borrowed */
	struct tally *sum;       /* owned */
	double duration_s;       /* measured: without the warm-up */
	double setup_s;          /* until all connections had come about */
	double requests_per_s;
	double connects_per_s;
	double cpu_us; /* of this program, a request */
	double share;  /* of the time for which its busiest thread had a CPU: 0 to 1 */
	bool bottleneck;
	uint64_t errors;
};

/* Returns 0, or -1 if there is no memory. */
PF_MUST_CHECK int result_make(
	struct result *result, const struct plan *plan, const struct board *board);

/* Requests a second that were answered in a step of the schedule; the time that it lasted. */
double result_step_rate(const struct result *result, size_t step);
double result_step_s(const struct result *result, size_t step);

void result_free(struct result *result);

#endif
