#include <config.h>

#include "tools/bench/histogram.h"

#include <math.h>
#include <sys/param.h>

static const int64_t value_max = (1LL << HISTOGRAM_VALUE_BITS) - 1;

int64_t
histogram_bucket_end(size_t bucket)
{
	size_t octave = bucket >> HISTOGRAM_PART_BITS;
	unsigned shift;

	if (octave < 2)
		return (int64_t)bucket;
	shift = (unsigned)octave - 1;
	return (int64_t)(((bucket - shift * HISTOGRAM_PARTS) + 1) << shift) - 1;
}

void
histogram_add(struct histogram *histogram, int64_t value, uint64_t times)
{
	double sum = (double)value * (double)times;

	if (times == 0)
		return;
	value = MIN(value, value_max);
	if (histogram->count == 0 || value < histogram->least)
		histogram->least = value;
	if (value > histogram->largest)
		histogram->largest = value;
	histogram->count += times;
	histogram->sum += sum;
	histogram->sum_of_squares += sum * (double)value;
	histogram->buckets[histogram_bucket((uint64_t)value)] += times;
}

void
histogram_merge(struct histogram *histogram, const struct histogram *other)
{
	if (other->count == 0)
		return;
	if (histogram->count == 0 || other->least < histogram->least)
		histogram->least = other->least;
	histogram->largest = MAX(histogram->largest, other->largest);
	histogram->count += other->count;
	histogram->sum += other->sum;
	histogram->sum_of_squares += other->sum_of_squares;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->buckets[i] += other->buckets[i];
}

int64_t
histogram_quantile(const struct histogram *histogram, double quantile)
{
	uint64_t rank = (uint64_t)ceil(quantile * (double)histogram->count), seen = 0;
	size_t bucket = 0;

	if (histogram->count == 0)
		return 0;
	rank = MIN(MAX(rank, 1), histogram->count);
	while ((seen += histogram->buckets[bucket]) < rank)
		bucket++;
	return MIN(histogram_bucket_end(bucket), histogram->largest);
}

uint64_t
histogram_count_to(const struct histogram *histogram, int64_t value)
{
	size_t last = histogram_bucket((uint64_t)MIN(value, value_max));
	uint64_t count = 0;

	for (size_t i = 0; i <= last; i++)
		count += histogram->buckets[i];
	return count;
}

double
histogram_mean(const struct histogram *histogram)
{
	return histogram->count > 0 ? histogram->sum / (double)histogram->count : 0;
}

double
histogram_deviation(const struct histogram *histogram)
{
	double mean = histogram_mean(histogram);
	double variance;

	if (histogram->count == 0)
		return 0;
	variance = histogram->sum_of_squares / (double)histogram->count - mean * mean;
	return variance > 0 ? sqrt(variance) : 0; /* rounding may leave a little below 0 */
}
