#include <config.h>

#include "metrics/values.h"

enum {
	NS_PER_MS = 1000000,
};

uint64_t
value_of_counter(const struct segment *segment, unsigned service, unsigned counter)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < used; i++)
		sum += atomic_load_explicit(
			&segment->slots[i].counters[service][counter], memory_order_relaxed);
	return sum;
}

static unsigned
counter_of(const struct metric *metric, unsigned index)
{
	return metric->counter != NULL ? metric->counter(index) : metric->first + index;
}

uint64_t
value_of_service(const struct segment *segment, const struct metric *metric, unsigned service,
	unsigned index)
{
	if (metric->of_server != NULL)
		return metric->of_server(segment, service);
	return value_of_counter(segment, service, counter_of(metric, index));
}

uint64_t
value_of_slot(const struct segment *segment, const struct metric *metric, const struct slot *slot,
	unsigned index)
{
	const unsigned services = segment_service_count(segment);
	const unsigned counter = counter_of(metric, index);
	uint64_t sum = 0;

	for (unsigned service = 0; service < services; service++)
		sum += atomic_load_explicit(
			&slot->counters[service][counter], memory_order_relaxed);
	return sum;
}

static uint64_t
unit_of(const struct metric *metric)
{
	return metric->unit_ms ? NS_PER_MS : 1;
}

struct times
value_no_times(const struct metric *metric)
{
	return (struct times){
		.first_end_ns = unit_of(metric)
			<< (metric->unit_ms ? HISTOGRAM_AGE_SHIFT : HISTOGRAM_TIME_SHIFT),
	};
}

static void
add_times(struct times *times, const _Atomic uint64_t *histogram, uint64_t unit_ns)
{
	times->sum_ns +=
		(double)atomic_load_explicit(&histogram[0], memory_order_relaxed) * (double)unit_ns;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		const uint64_t count =
			atomic_load_explicit(&histogram[1 + i], memory_order_relaxed);

		times->buckets[i] += count;
		times->count += count;
	}
}

void
value_times(const struct segment *segment, const struct metric *metric, unsigned service,
	struct times *times)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);

	*times = value_no_times(metric);
	for (uint32_t i = 0; i < used; i++) {
		const struct slot *slot = &segment->slots[i];

		add_times(times,
			metric->times != NULL ? metric->times(slot)
					      : &slot->counters[service][metric->first],
			unit_of(metric));
	}
}

void
value_times_of_slot(const struct segment *segment, const struct metric *metric,
	const struct slot *slot, struct times *times)
{
	const unsigned services = segment_service_count(segment);

	*times = value_no_times(metric);
	for (unsigned service = 0; service < services; service++)
		add_times(times, &slot->counters[service][metric->first], unit_of(metric));
}

uint64_t
value_bucket_end_ns(const struct times *times, unsigned bucket)
{
	return times->first_end_ns << bucket;
}

uint64_t
value_quantile_ns(const struct times *times, double part)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += times->buckets[i];
		if (seen > 0 && (double)seen >= part * (double)times->count)
			return value_bucket_end_ns(times, i);
	}
	return 0;
}
