/* The monotonic clock in nanoseconds, which is the same in all processes. */
#ifndef BENCH_TIME_H
#define BENCH_TIME_H

#include <stdint.h>
#include <time.h>

enum {
	TIME_MS = 1000 * 1000,
};

static inline int64_t
time_of_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 * TIME_MS + now.tv_nsec;
}

static inline int64_t
time_now_ns(void)
{
	return time_of_ns(CLOCK_MONOTONIC);
}

#endif
