#include <config.h>

#include "dispatch/job.h"

int64_t
job_begun_us(struct job *job)
{
	return atomic_load_explicit(&job->begun_us, memory_order_relaxed);
}

bool
job_begun_is_exact(struct job *job)
{
	const uint64_t limits = atomic_load_explicit(&job->limits, memory_order_relaxed);

	return job_begun(limits) <= atomic_load_explicit(&job->begun, memory_order_acquire) + 1;
}

bool
job_has_more(struct job *job)
{
	return job->collected < atomic_load_explicit(&job->done, memory_order_acquire) ||
		job_left(job) > 0;
}

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
