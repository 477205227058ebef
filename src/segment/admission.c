#include <config.h>

#include "segment/admission.h"

#include <sched.h>

enum {
	CLAIM_TRIES = 8,     /* two workers that add at once both see one too many: try again */
	TICK_FRESH_MS = 100, /* an older tick is a loop that stands still */
	CROWDED_BY = 1,      /* connections above the least loaded that are fair enough */
};

static uint64_t
sum_admitted(const struct segment *segment)
{
	uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < used; i++)
		sum += atomic_load(&segment->slots[i].admitted);
	return sum;
}

static uint64_t
sum_service_admitted(const struct segment *segment, unsigned service)
{
	uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < used; i++)
		sum += atomic_load(&segment->slots[i].service_admitted[service]);
	return sum;
}

static enum admission
try_claim(struct segment *segment, unsigned service, uint32_t limit, uint32_t service_limit)
{
	enum admission refused;

	atomic_fetch_add(&segment->own->admitted, 1);
	atomic_fetch_add(&segment->own->service_admitted[service], 1);
	if (sum_admitted(segment) > limit)
		refused = ADMISSION_FULL;
	else if (service_limit > 0 && sum_service_admitted(segment, service) > service_limit)
		refused = ADMISSION_SERVICE_FULL;
	else
		return ADMISSION_GRANTED;
	admission_release(segment, service);
	return refused;
}

enum admission
admission_claim(struct segment *segment, unsigned service, uint32_t limit, uint32_t service_limit)
{
	enum admission result = ADMISSION_FULL;

	for (int i = 0; i < CLAIM_TRIES; i++) {
		result = try_claim(segment, service, limit, service_limit);
		if (result == ADMISSION_GRANTED)
			break;
		sched_yield();
	}
	return result;
}

void
admission_release(struct segment *segment, unsigned service)
{
	atomic_fetch_sub(&segment->own->service_admitted[service], 1);
	atomic_fetch_sub(&segment->own->admitted, 1);
}

static bool
is_live(const struct slot *slot, int64_t now_ms)
{
	return atomic_load_explicit(&slot->state, memory_order_relaxed) == SLOT_READY &&
		now_ms - atomic_load_explicit(&slot->tick_ms, memory_order_relaxed) < TICK_FRESH_MS;
}

bool
admission_is_crowded(const struct segment *segment, int64_t now_ms)
{
	uint32_t used = atomic_load_explicit(&segment->head->slots_used, memory_order_relaxed);
	uint32_t own = atomic_load_explicit(&segment->own->admitted, memory_order_relaxed);

	for (uint32_t i = 0; i < used; i++) {
		const struct slot *slot = &segment->slots[i];

		if (own > atomic_load_explicit(&slot->admitted, memory_order_relaxed) +
					CROWDED_BY &&
			is_live(slot, now_ms))
			return true;
	}
	return false;
}
