#include <config.h>

#include "dispatch/job.h"

unsigned
job_take_back(struct job *job, unsigned *end)
{
	uint64_t limits = atomic_load_explicit(&job->limits, memory_order_relaxed);
	uint64_t stopped;

	do
		stopped = (uint64_t)job_begun(limits) << 32 | job_begun(limits);
	while (!atomic_compare_exchange_weak(&job->limits, &limits, stopped));
	*end = job_end(limits);
	return job_begun(limits);
}

void
job_put(struct job *job, struct completion *completion, bool over)
{
	unsigned flags = JOB_POSTED | (over ? JOB_OVER : 0);

	if ((atomic_fetch_or(&job->flags, flags) & JOB_POSTED) == 0)
		completion_put(completion, &job->post);
}
