#include <config.h>

#include "segment/accept_rate.h"

enum {
	SECOND_MS = 1000,
	SECOND_SHIFT = 32,
};

static uint32_t
second_of(int64_t now_ms)
{
	return (uint32_t)(now_ms / SECOND_MS);
}

/* What SLOT took in SECOND. */
static uint32_t
taken_in(const struct slot *slot, unsigned service, uint32_t second)
{
	uint64_t word = atomic_load(&slot->accepted[service][second % 2]);

	return word >> SECOND_SHIFT == second ? (uint32_t)word : 0;
}

static int64_t
sum_taken(const struct segment *segment, unsigned service, uint32_t second)
{
	uint32_t used = atomic_load(&segment->head->slots_used);
	int64_t sum = 0;

	for (uint32_t i = 0; i < used; i++)
		sum += taken_in(&segment->slots[i], service, second);
	return sum;
}

static void
set_own(struct segment *segment, unsigned service, uint32_t second, uint32_t taken)
{
	atomic_store(&segment->own->accepted[service][second % 2],
		(uint64_t)second << SECOND_SHIFT | taken);
}

/* Whether TAKEN in this second is within the rate, rounded up so that a rate of 1 is one. */
static bool
is_within(int64_t taken, int64_t before, int64_t rate, int64_t passed_ms)
{
	return taken <= rate &&
		taken * SECOND_MS < rate * SECOND_MS - before * (SECOND_MS - passed_ms) + SECOND_MS;
}

bool
accept_rate_claim(struct segment *segment, unsigned service, uint32_t rate, int64_t now_ms)
{
	uint32_t second = second_of(now_ms);

	set_own(segment, service, second, taken_in(segment->own, service, second) + 1);
	if (is_within(sum_taken(segment, service, second), sum_taken(segment, service, second - 1),
		    rate, now_ms % SECOND_MS))
		return true;
	accept_rate_release(segment, service, now_ms);
	return false;
}

void
accept_rate_release(struct segment *segment, unsigned service, int64_t now_ms)
{
	uint32_t second = second_of(now_ms);

	set_own(segment, service, second, taken_in(segment->own, service, second) - 1);
}
