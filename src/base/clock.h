/*
 * The time that timers and policies see: milliseconds of the monotonic clock, which no change of
 * the date moves. Policies take the time as an argument; only a loop and the tools read it here.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

enum {
	CLOCK_NS_PER_MS = 1000 * 1000,
};

/* Nanoseconds of the clock ID, and of the monotonic one: for measuring. */
static inline int64_t
clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 * CLOCK_NS_PER_MS + now.tv_nsec;
}

static inline int64_t
clock_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Microseconds, for measuring. */
static inline int64_t
clock_monotonic_us(void)
{
	return clock_monotonic_ns() / 1000;
}

static inline int64_t
clock_monotonic_ms(void)
{
	return clock_monotonic_ns() / CLOCK_NS_PER_MS;
}

#endif
