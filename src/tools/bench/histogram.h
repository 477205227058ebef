/*
 * A log-linear histogram of times, of fixed size: each octave of values is cut into equal parts,
 * as Gil Tene's HdrHistogram does. What it reports of a quantile is at most 1/128 above the value
 * that was added, and never below it; count, mean, deviation, least and largest value are exact.
 * Bytes of zero are an empty one, so that it can lie in a shared map. One thread adds to it.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
	HISTOGRAM_PART_BITS = 7,   /* 128 parts an octave: the error bound */
	HISTOGRAM_VALUE_BITS = 42, /* larger values count as 2^42 - 1: of nanoseconds, 73 minutes */
	HISTOGRAM_PARTS = 1 << HISTOGRAM_PART_BITS,
	HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_PART_BITS + 1) * HISTOGRAM_PARTS,
};

struct histogram {
	uint64_t count;
	int64_t least, largest; /* of a count over 0 */
	double sum, sum_of_squares;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* The bucket of a value from 0 to 2^42 - 1. Below 128 each value has its own. */
static inline size_t
histogram_bucket(uint64_t value)
{
	unsigned shift;

	if (value < HISTOGRAM_PARTS)
		return (size_t)value;
	shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_PART_BITS;
	return shift * HISTOGRAM_PARTS + (size_t)(value >> shift);
}

/* The largest value of a bucket. */
int64_t histogram_bucket_end(size_t bucket);

/* Adds VALUE, which is not negative, TIMES times. */
void histogram_add(struct histogram *histogram, int64_t value, uint64_t times);

/* Adds all of OTHER. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/*
 * The value that a share of QUANTILE, from 0 to 1, of all values does not exceed; 0 of none.
 */
int64_t histogram_quantile(const struct histogram *histogram, double quantile);

/* Values up to and with VALUE, as exact as its bucket. */
uint64_t histogram_count_to(const struct histogram *histogram, int64_t value);

/* 0 of none. */
double histogram_mean(const struct histogram *histogram);
double histogram_deviation(const struct histogram *histogram);

#endif
