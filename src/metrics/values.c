#include <config.h>

#include "metrics/values.h"

static uint64_t
sum_counter(const struct segment *segment, unsigned service, unsigned counter)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < used; i++)
		sum += atomic_load_explicit(
			&segment->slots[i].counters[service][counter], memory_order_relaxed);
	return sum;
}

uint64_t
value_of_service(const struct segment *segment, const struct metric *metric, unsigned service,
	unsigned index)
{
	if (metric->of_server != NULL)
		return metric->of_server(segment, service);
	return sum_counter(segment, service, metric->first + index);
}

uint64_t
value_of_slot(const struct segment *segment, const struct metric *metric, const struct slot *slot,
	unsigned index)
{
	const unsigned services = segment_service_count(segment);
	uint64_t sum = 0;

	for (unsigned service = 0; service < services; service++)
		sum += atomic_load_explicit(
			&slot->counters[service][metric->first + index], memory_order_relaxed);
	return sum;
}

static void
add_times(struct times *times, const _Atomic uint64_t *histogram)
{
	times->sum_ns += atomic_load_explicit(&histogram[0], memory_order_relaxed);
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

	*times = (struct times){ 0 };
	for (uint32_t i = 0; i < used; i++) {
		const struct slot *slot = &segment->slots[i];

		add_times(times,
			metric->times != NULL ? metric->times(slot)
					      : &slot->counters[service][metric->first]);
	}
}

void
value_times_of_slot(const struct segment *segment, const struct metric *metric,
	const struct slot *slot, struct times *times)
{
	const unsigned services = segment_service_count(segment);

	*times = (struct times){ 0 };
	for (unsigned service = 0; service < services; service++)
		add_times(times, &slot->counters[service][metric->first]);
}

uint64_t
value_bucket_end_ns(unsigned bucket)
{
	return UINT64_C(1) << (HISTOGRAM_FIRST_SHIFT + bucket);
}

uint64_t
value_quantile_ns(const struct times *times, double part)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += times->buckets[i];
		if (seen > 0 && (double)seen >= part * (double)times->count)
			return value_bucket_end_ns(i);
	}
	return 0;
}
