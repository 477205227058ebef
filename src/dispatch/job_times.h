/* When the handlers of a job were called, and how long they took. */
#ifndef DISPATCH_JOB_TIMES_H
#define DISPATCH_JOB_TIMES_H

#include <stdatomic.h>
#include <stdint.h>

struct job_times {
	int64_t framed_us;        /* loop: when its first message was whole: monotonic */
	int64_t counted_ns;       /* loop: of spent_ns, what has been counted */
	_Atomic int64_t first_us; /* when its first handler was called; 0: none was */
	_Atomic int64_t spent_ns; /* in handlers */
};

/* Thread that has the job: handlers are called now. */
static inline void
job_times_begin(struct job_times *times, int64_t now_us)
{
	if (atomic_load_explicit(&times->first_us, memory_order_relaxed) == 0)
		atomic_store_explicit(&times->first_us, now_us, memory_order_relaxed);
}

/* Thread that has the job: they have taken NS nanoseconds more. */
static inline void
job_times_spend(struct job_times *times, int64_t ns)
{
	const int64_t before = atomic_load_explicit(&times->spent_ns, memory_order_relaxed);

	atomic_store_explicit(&times->spent_ns, before + ns, memory_order_relaxed);
}

#endif
