#include <config.h>

#include "tools/bench/result.h"

#include <stdlib.h>
#include <sys/param.h>

static const double second_ns = 1e9;
static const double busy = 0.9; /* a thread that runs for such a share has no time to wait */

static double
busiest_share(const struct board *board)
{
	double most = 0;

	for (unsigned i = 0; i < board->tally_count; i++) {
		const struct tally *tally = &board->tallies[i];
		int64_t time_ns = tally->end_ns - tally->from_ns;

		if (tally->from_ns != 0 && time_ns > 0)
			most = MAX(most, (double)tally->cpu_ns / (double)time_ns);
	}
	return MIN(most, 1);
}

int
result_make(struct result *result, const struct plan *plan, const struct board *board)
{
	struct tally *sum = board_sum(board);
	double connecting_s;

	*result = (struct result){ .plan = plan, .sum = sum };
	if (sum == NULL)
		return -1;
	result->setup_s = (double)board->setup_ns / second_ns;
	if (sum->from_ns != 0 && sum->end_ns > sum->from_ns)
		result->duration_s = (double)(sum->end_ns - sum->from_ns) / second_ns;
	if (result->duration_s > 0)
		result->requests_per_s = (double)sum->requests / result->duration_s;
	connecting_s = plan->options->churn > 0 ? result->duration_s : result->setup_s;
	if (connecting_s > 0)
		result->connects_per_s = (double)sum->connects / connecting_s;
	if (sum->requests > 0)
		result->cpu_us = (double)sum->cpu_ns / 1000 / (double)sum->requests;
	result->share = busiest_share(board);
	result->bottleneck = result->share >= busy;
	for (size_t i = 0; i < BOARD_ERROR__COUNT; i++)
		result->errors += sum->errors[i];
	return 0;
}

double
result_step_s(const struct result *result, size_t step)
{
	const struct schedule *schedule = &result->plan->schedule;
	double warmup_s = (double)result->plan->options->warmup_ms / 1000;
	double begin_s = step > 0 ? (double)schedule->ends_ns[step - 1] / second_ns : warmup_s;
	double end_s = warmup_s + result->duration_s; /* it may be cut short */

	if (step + 1 < schedule->steps)
		end_s = MIN(end_s, (double)schedule->ends_ns[step] / second_ns);
	return MAX(end_s - begin_s, 0);
}

double
result_step_rate(const struct result *result, size_t step)
{
	double time_s = result_step_s(result, step);

	return time_s > 0 ? (double)result->sum->steps[step].requests / time_s : 0;
}

void
result_free(struct result *result)
{
	free(result->sum);
	result->sum = NULL;
}
