/* What the table's metrics are worth now. All workers write meanwhile. */
#ifndef METRICS_VALUES_H
#define METRICS_VALUES_H

#include <stdint.h>

#include "metrics/table.h"
#include "segment/counters.h"

/* A metric of services that is no histogram. */
uint64_t value_of_service(const struct segment *segment, const struct metric *metric,
	unsigned service, unsigned index);

/* A counter of a service, of all workers together: see counters.h. */
uint64_t value_of_counter(const struct segment *segment, unsigned service, unsigned counter);

/* A metric of all services together, in one slot. */
uint64_t value_of_slot(const struct segment *segment, const struct metric *metric,
	const struct slot *slot, unsigned index);

/* Times: sums over all slots. The sum of ages in nanoseconds is beyond any integer. */
struct times {
	double sum_ns;
	uint64_t count;
	uint64_t first_end_ns; /* the end of the first bucket */
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* None, of a histogram. */
struct times value_no_times(const struct metric *metric);

/* SERVICE is unused for those of the server. */
void value_times(const struct segment *segment, const struct metric *metric, unsigned service,
	struct times *times);

/* A metric of all services together, in one slot. */
void value_times_of_slot(const struct segment *segment, const struct metric *metric,
	const struct slot *slot, struct times *times);

/* The end of a bucket but the last, in nanoseconds. */
uint64_t value_bucket_end_ns(const struct times *times, unsigned bucket);

/* How long PART (0 to 1) of the times took at most, in nanoseconds: no finer than the buckets. */
uint64_t value_quantile_ns(const struct times *times, double part);

#endif
