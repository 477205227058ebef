/*
 * What has happened in a worker, service by service, in numbers that only grow. They stand in its
 * slot, where its loop alone writes them; whoever has the slot next adds on. So a sum over all
 * slots never goes back, whoever is killed. Loop only.
 */
#ifndef SEGMENT_COUNTERS_H
#define SEGMENT_COUNTERS_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/compiler.h"
#include "segment/segment.h"

enum {
	/*
	 * Times: the sum in nanoseconds, then how many there were up to 8 microseconds, or rather
	 * 2^13 ns, up to twice as much and so on; the last has what is beyond, from 34 s on. Ages:
	 * the same in milliseconds, from 64 ms, or 2^6, on, and beyond three days.
	 */
	HISTOGRAM_TIME_SHIFT = 13,
	HISTOGRAM_AGE_SHIFT = 6,
	HISTOGRAM_SIZE = SEGMENT_HISTOGRAM,
	HISTOGRAM_BUCKETS = HISTOGRAM_SIZE - 1,
};

/* A protocol between the processes of one version: new ones may come anywhere. */
enum counter {
	COUNTER_ACCEPTED, /* connections that were let in */
	COUNTER_ENTERED,  /* connections that have come from another worker... */
	COUNTER_ARRIVED,  /* ...and those of which it has been told so */
	COUNTER_LEFT,     /* connections that were sent to another worker... */
	COUNTER_RETURNED, /* ...and those of them that it did not take */
	COUNTER_RECEIVED, /* bytes */
	COUNTER_SENT,
	COUNTER_WAITS,                         /* times that a connection waited for the queue */
	COUNTER_LINGERS,                       /* closed, for their clients did not */
	COUNTER_REFUSED,                       /* and enum refusal */
	COUNTER_CLOSED = COUNTER_REFUSED + 16, /* and enum close_reason */
	COUNTER_CLOSED_END = COUNTER_CLOSED + 32,
	COUNTER_REQUESTS = COUNTER_CLOSED_END, /* and enum request_result */
	COUNTER_PROTOCOL = COUNTER_REQUESTS + 16,
	COUNTER_DURATION = COUNTER_PROTOCOL + 16, /* from the last byte of a message to its reply */
	COUNTER_QUEUE_WAIT = COUNTER_DURATION + HISTOGRAM_SIZE,
	COUNTER_HANDLER = COUNTER_QUEUE_WAIT + HISTOGRAM_SIZE,
	COUNTER_FIRST_BYTE = COUNTER_HANDLER + HISTOGRAM_SIZE, /* since it was accepted */
	COUNTER_AGE = COUNTER_FIRST_BYTE + HISTOGRAM_SIZE,     /* of connections that end */
	COUNTER_SPANS_LOST = COUNTER_AGE + HISTOGRAM_SIZE,     /* the admin process was behind */
	COUNTER__COUNT
};
static_assert((int)COUNTER__COUNT <= (int)SEGMENT_COUNTERS, "they fit");

/* Adds N to a number that no other thread writes. */
static inline void
counter_add(_Atomic uint64_t *at, uint64_t n)
{
	atomic_store_explicit(
		at, atomic_load_explicit(at, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Adds N to COUNTER of the service with that id. */
static inline void
counters_add(struct segment *segment, unsigned service, unsigned counter, uint64_t n)
{
	counter_add(&segment->own->counters[service][counter], n);
}

/* The bucket of a value, the first of which ends at 2^SHIFT; a negative one is 0. */
static inline unsigned
histogram_bucket(int64_t value, unsigned shift)
{
	const uint64_t above = value > 0 ? (uint64_t)(value - 1) >> shift : 0;
	const unsigned bucket = above > 0 ? 64 - (unsigned)__builtin_clzll(above) : 0;

	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* Adds N values. */
static inline void
histogram_add(_Atomic uint64_t *histogram, int64_t value, unsigned shift, uint64_t n)
{
	counter_add(&histogram[0], value > 0 ? (uint64_t)value * n : 0);
	counter_add(&histogram[1 + histogram_bucket(value, shift)], n);
}

/* Adds N times of NS nanoseconds each to the histogram that begins at COUNTER. */
static inline void
counters_time(struct segment *segment, unsigned service, unsigned counter, int64_t ns, uint64_t n)
{
	histogram_add(&segment->own->counters[service][counter], ns, HISTOGRAM_TIME_SHIFT, n);
}

/* Adds an age to COUNTER_AGE. */
static inline void
counters_age(struct segment *segment, unsigned service, int64_t ms)
{
	histogram_add(&segment->own->counters[service][COUNTER_AGE], ms, HISTOGRAM_AGE_SHIFT, 1);
}

#endif
