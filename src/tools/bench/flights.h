/*
 * The requests of a connection that wait for their replies, by the time from which their latency
 * counts: requests of one time are one entry. Replies come in the order of the requests.
 */
#ifndef BENCH_FLIGHTS_H
#define BENCH_FLIGHTS_H

#include <stdint.h>
#include <sys/param.h>

struct flight {
	int64_t since_ns;
	uint32_t requests;
};

struct flights {
	struct flight *ring; /* borrowed: limit entries */
	uint32_t limit;      /* of requests in flight */
	uint32_t first;      /* its oldest entry */
	uint32_t entries;
	uint32_t requests; /* in flight */
};

/* Forgets all. */
static inline void
flights_clear(struct flights *flights)
{
	flights->first = flights->entries = flights->requests = 0;
}

/* Adds REQUESTS, at least one, that do not exceed the limit with those in flight. */
static inline void
flights_add(struct flights *flights, int64_t since_ns, uint32_t requests)
{
	uint32_t at = flights->first + flights->entries;

	at -= at >= flights->limit ? flights->limit : 0;
	flights->ring[at] = (struct flight){ since_ns, requests };
	flights->entries++;
	flights->requests += requests;
}

/* Takes up to MOST requests of the oldest entry, of which there is one. Returns what it took. */
static inline struct flight
flights_take(struct flights *flights, uint32_t most)
{
	struct flight *oldest = &flights->ring[flights->first];
	struct flight taken = { oldest->since_ns, MIN(most, oldest->requests) };

	oldest->requests -= taken.requests;
	flights->requests -= taken.requests;
	if (oldest->requests == 0) {
		flights->first = flights->first + 1 == flights->limit ? 0 : flights->first + 1;
		flights->entries--;
	}
	return taken;
}

#endif
