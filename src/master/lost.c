#include <config.h>

#include "master/lost.h"

#include <sys/param.h>

#include "config/config.h"
#include "net/close_reason.h"
#include "segment/counters.h"

static int64_t
value_of(const _Atomic uint64_t *counters, unsigned counter)
{
	return (int64_t)atomic_load_explicit(&counters[counter], memory_order_relaxed);
}

/* Connections that have begun there, by all that have had the slot, and not ended. */
static int64_t
count_open(const _Atomic uint64_t *counters)
{
	int64_t open = value_of(counters, COUNTER_ACCEPTED) + value_of(counters, COUNTER_ARRIVED);

	for (unsigned i = COUNTER_CLOSED; i < COUNTER_CLOSED_END; i++)
		open -= value_of(counters, i);
	return open;
}

/* Of these, those that it had sent to others, and had no answer for. */
static int64_t
count_sent(const _Atomic uint64_t *counters)
{
	return value_of(counters, COUNTER_LEFT) - value_of(counters, COUNTER_RETURNED) -
		value_of(counters, COUNTER_CLOSED + CLOSE_MOVED);
}

/* Connections that have arrived somewhere, and that nobody has counted as moved. */
static int64_t
count_arrived(const struct segment *segment, unsigned service)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	int64_t arrived = 0;

	for (uint32_t i = 0; i < used; i++) {
		const _Atomic uint64_t *counters = segment->slots[i].counters[service];

		arrived += value_of(counters, COUNTER_ARRIVED) -
			value_of(counters, COUNTER_CLOSED + CLOSE_MOVED);
	}
	return arrived;
}

/*
 * What it had sent others read even now, and have; unless they died, too. The worker wrote its
 * numbers, and may have gone mad: more than there can be is not believed.
 */
static void
count_service(struct segment *segment, unsigned index, unsigned service)
{
	_Atomic uint64_t *counters = segment->slots[index].counters[service];
	const int64_t open = count_open(counters);
	const int64_t sent = MAX(MIN(count_sent(counters), open), 0);
	int64_t moved;

	if (open <= 0 || open > CONFIG_CONNECTIONS_MAX)
		return;
	moved = sent > 0 ? MAX(MIN(count_arrived(segment, service), sent), 0) : 0;
	counter_add(&counters[COUNTER_CLOSED + CLOSE_MOVED], (uint64_t)moved);
	counter_add(&counters[COUNTER_RETURNED], (uint64_t)(sent - moved));
	counter_add(&counters[COUNTER_CLOSED + CLOSE_KILLED], (uint64_t)(open - moved));
}

void
lost_count(struct segment *segment, unsigned index)
{
	const unsigned services = segment_service_count(segment);

	for (unsigned i = 0; index < SEGMENT_SLOTS && i < services; i++)
		count_service(segment, index, i);
}
