#include <config.h>

#include "segment/admission.h"

#include <sys/param.h>

#include "segment/addresses.h"

enum {
	CLAIM_TRIES = 8,     /* two workers that add at once both see one too many: try again */
	TICK_FRESH_MS = 100, /* an older tick is a loop that stands still */
	CROWDED_BY = 1,      /* connections above the least loaded that are fair enough */
	CROWDED_PART = 32,   /* or that part of what the least loaded has, besides */
};

uint64_t
admission_sum_admitted(const struct segment *segment)
{
	uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < used; i++)
		sum += atomic_load(&segment->slots[i].admitted);
	return sum + former_sum(&segment->former).admitted;
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

static bool
counts_address(const struct admission_claim *claim)
{
	return claim->host != NULL && claim->address_limit > 0;
}

/*
 * At most how many places a sum has missed that was made after RELEASED was read. That of a
 * connection which moves meanwhile may go from a slot that was still to be looked at to one that
 * was; but who gives a place back says so first.
 */
static uint64_t
missed_since(const struct segment *segment, uint64_t released)
{
	return admission_sum_released(segment) - released;
}

/* The address comes first: a client over its own limit does not get in the way of others. */
static enum admission
try_address(struct segment *segment, const struct admission_claim *claim, uint64_t hash,
	struct admission_place *place)
{
	uint64_t released, sum;

	if (!counts_address(claim))
		return ADMISSION_GRANTED;
	released = admission_sum_released(segment);
	place->address = addresses_add(segment, hash) & 0xffffff;
	if (place->address == 0)
		return ADMISSION_NO_ROOM;
	sum = addresses_sum(segment, hash);
	if (sum + missed_since(segment, released) <= claim->address_limit)
		return ADMISSION_GRANTED;
	addresses_take(segment, place->address);
	return ADMISSION_ADDRESS_FULL;
}

static void
give_back(struct segment *segment, struct admission_place place)
{
	if (place.address > 0)
		addresses_take(segment, place.address);
	atomic_fetch_sub(&segment->own->service_admitted[place.service], 1);
	atomic_fetch_sub(&segment->own->admitted, 1);
}

static enum admission
try_claim(struct segment *segment, const struct admission_claim *claim, uint64_t hash,
	struct admission_place *place)
{
	const uint64_t released = admission_sum_released(segment);
	uint64_t all, of_service, missed;
	enum admission result;

	*place = (struct admission_place){ .service = claim->service & 0xff };
	result = try_address(segment, claim, hash, place);
	if (result != ADMISSION_GRANTED)
		return result;
	atomic_fetch_add(&segment->own->admitted, 1);
	atomic_fetch_add(&segment->own->service_admitted[claim->service], 1);
	all = admission_sum_admitted(segment);
	of_service = claim->service_limit > 0 ? sum_service_admitted(segment, claim->service) : 0;
	missed = missed_since(segment, released);
	if (all + missed > claim->limit)
		result = ADMISSION_FULL;
	else if (claim->service_limit > 0 && of_service + missed > claim->service_limit)
		result = ADMISSION_SERVICE_FULL;
	else
		return ADMISSION_GRANTED;
	give_back(segment, *place);
	return result;
}

void
admission_take_over(
	struct segment *segment, const struct admission_claim *claim, struct admission_place *place)
{
	*place = (struct admission_place){ .service = claim->service & 0xff };
	if (counts_address(claim))
		place->address = addresses_add(segment,
					 addresses_hash(segment, claim->service, claim->host)) &
			0xffffff;
	atomic_fetch_add(&segment->own->admitted, 1);
	atomic_fetch_add(&segment->own->service_admitted[claim->service], 1);
}

/*
 * Twice as long each time, so that two that collide part; some microseconds in all. Giving the
 * processor away instead would let a client over its limit hold up the worker.
 */
static void
wait_briefly(int attempt)
{
	for (int i = 0; i < 1 << attempt; i++)
		atomic_signal_fence(memory_order_seq_cst);
}

enum admission
admission_claim(
	struct segment *segment, const struct admission_claim *claim, struct admission_place *place)
{
	enum admission result = ADMISSION_FULL;
	uint64_t hash = 0;

	if (counts_address(claim))
		hash = addresses_hash(segment, claim->service, claim->host);
	for (int i = 0; i < CLAIM_TRIES; i++) {
		result = try_claim(segment, claim, hash, place);
		if (result == ADMISSION_GRANTED || result == ADMISSION_NO_ROOM)
			break;
		wait_briefly(i);
	}
	return result;
}

void
admission_release(struct segment *segment, struct admission_place place)
{
	_Atomic uint64_t *released = &segment->own->released;

	atomic_store(released, atomic_load_explicit(released, memory_order_relaxed) + 1);
	give_back(segment, place);
}

uint64_t
admission_sum_released(const struct segment *segment)
{
	uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < used; i++)
		sum += atomic_load(&segment->slots[i].released);
	return sum + former_sum(&segment->former).released;
}

bool
admission_counts(const struct segment *segment, uint64_t held)
{
	const struct slot *own = segment->own;
	uint64_t of_services = 0;

	for (size_t i = 0; i < SEGMENT_SERVICES; i++)
		of_services +=
			atomic_load_explicit(&own->service_admitted[i], memory_order_relaxed);
	return atomic_load_explicit(&own->admitted, memory_order_relaxed) == held &&
		of_services == held;
}

static bool
is_draining(const struct slot *slot)
{
	return atomic_load_explicit(&slot->state, memory_order_relaxed) == SLOT_DRAINING;
}

void
admission_set_moving(struct segment *segment, uint32_t count)
{
	atomic_store(&segment->own->moving, count);
}

/* One more that moves, as far as others can tell. */
void
admission_set_closing(struct segment *segment, bool closing)
{
	_Atomic uint32_t *moving = &segment->own->moving;
	const uint32_t count = atomic_load_explicit(moving, memory_order_relaxed);

	atomic_store(moving, closing ? count + 1 : count - 1);
}

bool
admission_overcounts(const struct segment *segment)
{
	uint32_t used = atomic_load_explicit(&segment->head->slots_used, memory_order_relaxed);

	for (uint32_t i = 0; i < used; i++) {
		if (atomic_load(&segment->slots[i].moving) > 0)
			return true;
	}
	return former_sum(&segment->former).draining > 0;
}

void
admission_set_pausing(struct segment *segment, bool pausing)
{
	atomic_store_explicit(&segment->own->pausing, pausing, memory_order_relaxed);
}

static bool
is_live(const struct slot *slot, int64_t now_ms)
{
	return atomic_load_explicit(&slot->state, memory_order_relaxed) == SLOT_READY &&
		!atomic_load_explicit(&slot->pausing, memory_order_relaxed) &&
		now_ms - atomic_load_explicit(&slot->tick_ms, memory_order_relaxed) < TICK_FRESH_MS;
}

static uint32_t
count_admitted(const struct slot *slot)
{
	return atomic_load_explicit(&slot->admitted, memory_order_relaxed);
}

/* Even to the last one would be slower, for each waits for the others: the more, the coarser. */
static uint32_t
fair_beside(uint32_t admitted)
{
	return admitted + admitted / CROWDED_PART + CROWDED_BY;
}

bool
admission_is_crowded(const struct segment *segment, uint32_t leeway, int64_t now_ms)
{
	uint32_t used = atomic_load_explicit(&segment->head->slots_used, memory_order_relaxed);
	uint32_t own = count_admitted(segment->own);

	for (uint32_t i = 0; i < used; i++) {
		const struct slot *slot = &segment->slots[i];

		if (own > fair_beside(count_admitted(slot)) + leeway && is_live(slot, now_ms))
			return true;
	}
	return false;
}

uint32_t
admission_room(const struct segment *segment, int64_t now_ms)
{
	uint32_t used = atomic_load_explicit(&segment->head->slots_used, memory_order_relaxed);
	uint32_t own = count_admitted(segment->own);
	uint64_t all = former_sum(&segment->former).draining, takers = 0, share;

	for (uint32_t i = 0; i < used; i++) {
		const struct slot *slot = &segment->slots[i];
		const bool takes = is_live(slot, now_ms);

		takers += takes;
		if (takes || is_draining(slot))
			all += count_admitted(slot);
	}
	share = takers > 0 ? (all + takers - 1) / takers : all;
	return share > own ? (uint32_t)MIN(share - own, UINT32_MAX) : 0;
}
