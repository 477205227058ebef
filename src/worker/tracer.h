/*
 * Traces, on a worker's side: decides which requests are traced, and hands what is known of them to
 * the admin process once they are over, without ever waiting. What the socket does not take is
 * lost, and counted. Loop only.
 */
#ifndef WORKER_TRACER_H
#define WORKER_TRACER_H

#include <stdbool.h>
#include <stdint.h>

#include "process/inheritance.h"
#include "process/span_record.h"
#include "segment/segment.h"
#include "worker/outcome.h"

struct tracer {
	int fd; /* the master's, kept for life */
	bool on;
	uint32_t worker, generation;
	uint64_t threshold; /* a request is traced if a random number is below it */
	uint64_t random;
	int64_t window_ms; /* start of the current second */
	unsigned asked;    /* requests in it that are traced because their clients asked for it */
	struct segment *segment;
	unsigned count;
	struct span_record records[SPAN_RECORDS_MAX]; /* to be sent at the end of the turn */
	unsigned services[SPAN_RECORDS_MAX];          /* whose they are: ids */
};

/* Prepares for a worker; it is off. */
void tracer_open(struct tracer *tracer, const struct inheritance *inheritance);

/* SAMPLE is traces.sample. */
void tracer_use(struct tracer *tracer, bool on, int64_t sample);

/* Which trace REQUEST, whose message is whole, belongs to. */
struct trace tracer_begin(struct tracer *tracer, const struct request *request, int64_t now_ms);

/* A request is over that is TRACE_SAMPLED. */
void tracer_end(struct tracer *tracer, const struct outcome *outcome);

/* For tracer_flush. */
void tracer_send(struct tracer *tracer);

/* Sends what there is. */
static inline void
tracer_flush(struct tracer *tracer)
{
	if (unlikely(tracer->count > 0))
		tracer_send(tracer);
}

#endif
