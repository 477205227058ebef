#include <config.h>

#include "master/lost.h"

#include <sys/param.h>

#include "config/config.h"
#include "net/close_reason.h"
#include "segment/counters.h"

/*
 * Sums of these wrap, for what the worker wrote may be anything, and are signed when they are done.
 */
static uint64_t
value_of(const _Atomic uint64_t *counters, unsigned counter)
{
	return atomic_load_explicit(&counters[counter], memory_order_relaxed);
}

/* Connections that have begun there, by all that have had the slot, and not ended. */
static int64_t
count_open(const _Atomic uint64_t *counters)
{
	uint64_t open = value_of(counters, COUNTER_ACCEPTED) + value_of(counters, COUNTER_ENTERED);

	for (unsigned i = COUNTER_CLOSED; i < COUNTER_CLOSED_END; i++)
		open -= value_of(counters, i);
	return (int64_t)open;
}

/* Of these, those that it had sent to others, and had no answer for. */
static int64_t
count_sent(const _Atomic uint64_t *counters)
{
	return (int64_t)(value_of(counters, COUNTER_LEFT) - value_of(counters, COUNTER_RETURNED) -
		value_of(counters, COUNTER_CLOSED + CLOSE_MOVED));
}

/* Of these, those of which it may not have told who gave them. */
static int64_t
count_untold(const _Atomic uint64_t *counters)
{
	return (int64_t)(value_of(counters, COUNTER_ENTERED) - value_of(counters, COUNTER_ARRIVED) -
		value_of(counters, COUNTER_CLOSED + CLOSE_UNTOLD));
}

/* Connections that count as open twice: with who gave them, and with who took them. */
static int64_t
count_twice(const struct segment *segment, unsigned service)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t twice = 0;

	for (uint32_t i = 0; i < used; i++) {
		const _Atomic uint64_t *counters = segment->slots[i].counters[service];

		twice += value_of(counters, COUNTER_ENTERED) -
			value_of(counters, COUNTER_CLOSED + CLOSE_UNTOLD) -
			value_of(counters, COUNTER_CLOSED + CLOSE_MOVED);
	}
	return (int64_t)twice;
}

static int64_t
at_most(int64_t value, int64_t most)
{
	return MAX(MIN(value, most), 0);
}

/*
 * Of COUNT connections in doubt, those that count twice are another worker's and go to the counter
 * ELSEWHERE, the rest are this one's and go to HERE. Returns how many are another's.
 */
static int64_t
settle(struct segment *segment, _Atomic uint64_t *counters, unsigned service, int64_t count,
	unsigned elsewhere, unsigned here)
{
	const int64_t twice = count > 0 ? at_most(count_twice(segment, service), count) : 0;

	counter_add(&counters[elsewhere], (uint64_t)twice);
	counter_add(&counters[here], (uint64_t)(count - twice));
	return twice;
}

/* The worker wrote these numbers, and may have gone mad: nonsense is not believed. */
static bool
is_sound(int64_t open)
{
	return open > 0 && open <= CONFIG_CONNECTIONS_MAX;
}

static void
count_service(struct segment *segment, unsigned index, unsigned service)
{
	_Atomic uint64_t *counters = segment->slots[index].counters[service];
	int64_t open = count_open(counters);

	if (!is_sound(open))
		return;
	/* One of which the giver has not heard stays with that. */
	open -= settle(segment, counters, service, at_most(count_untold(counters), open),
		COUNTER_CLOSED + CLOSE_UNTOLD, COUNTER_ARRIVED);
	/* What it had sent others read even now, and have; unless they died, too. */
	open -= settle(segment, counters, service, at_most(count_sent(counters), open),
		COUNTER_CLOSED + CLOSE_MOVED, COUNTER_RETURNED);
	counter_add(&counters[COUNTER_CLOSED + CLOSE_KILLED], (uint64_t)open);
}

void
lost_count(struct segment *segment, unsigned index)
{
	const unsigned services = segment_service_count(segment);

	for (unsigned i = 0; index < SEGMENT_SLOTS && i < services; i++)
		count_service(segment, index, i);
}

bool
lost_is_settled(const struct segment *segment, unsigned index)
{
	const unsigned services = segment_service_count(segment);

	for (unsigned i = 0; index < SEGMENT_SLOTS && i < services; i++) {
		const _Atomic uint64_t *counters = segment->slots[index].counters[i];

		if (is_sound(count_open(counters)) && count_untold(counters) > 0)
			return false;
	}
	return true;
}
