#include <config.h>

#include "tools/bench/schedule.h"

static const double second_ns = 1e9;

static int64_t
begin_ns(const struct schedule *schedule, size_t step)
{
	return step > 0 ? schedule->ends_ns[step - 1] : 0;
}

void
schedule_lay_out(struct schedule *schedule, int64_t warmup_ns, int64_t duration_ns)
{
	double due = 0;

	for (size_t i = 0; i < schedule->steps; i++) {
		int64_t share = duration_ns * (int64_t)(i + 1) / (int64_t)schedule->steps;

		schedule->before[i] = due;
		schedule->ends_ns[i] = warmup_ns + share;
		due += schedule->rates[i] * (double)(schedule->ends_ns[i] - begin_ns(schedule, i)) /
			second_ns;
	}
}

int64_t
schedule_due_ns(const struct schedule *schedule, uint64_t number)
{
	double count = (double)number;
	size_t step = 0;

	while (step + 1 < schedule->steps && count >= schedule->before[step + 1])
		step++;
	return begin_ns(schedule, step) +
		(int64_t)((count - schedule->before[step]) / schedule->rates[step] * second_ns);
}

size_t
schedule_step(const struct schedule *schedule, int64_t time_ns)
{
	size_t step = 0;

	while (step + 1 < schedule->steps && time_ns >= schedule->ends_ns[step])
		step++;
	return step;
}
