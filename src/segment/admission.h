/*
 * Admission: no more than so many connections over all workers, exactly, without a lock.
 *
 * To admit, a worker adds one to its own slot, then sums all slots; over the limit it takes its
 * one back. Both steps are sequentially consistent, so of several that add at once the last sees
 * all the others and the limit is never exceeded. A killed worker leaves nothing to repair: the
 * master drops its slot whole.
 */
#ifndef SEGMENT_ADMISSION_H
#define SEGMENT_ADMISSION_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/host.h"
#include "segment/segment.h"

enum admission {
	ADMISSION_GRANTED,
	ADMISSION_FULL,         /* all services together have reached their limit */
	ADMISSION_SERVICE_FULL, /* this service has */
	ADMISSION_ADDRESS_FULL, /* the client's address has, with this service */
	ADMISSION_NO_ROOM,      /* the table of addresses has none for this one */
	ADMISSION__COUNT
};

/* Who asks, and what for: numbers of connections. */
struct admission_claim {
	unsigned service; /* its id in the segment */
	uint32_t limit;
	uint32_t service_limit;  /* 0: none */
	uint32_t address_limit;  /* 0: none */
	const struct host *host; /* whose connection; NULL: it does not count by address */
};

/* What a connection holds: a word, for there are many. */
struct admission_place {
	uint32_t address : 24; /* see addresses.h; 0: not counted by address */
	uint32_t service : 8;
};
static_assert(SEGMENT_ADDRESSES < 1 << 24 && SEGMENT_SERVICES <= 1 << 8, "they fit");

/* Asks for a place for one connection, which is in *PLACE if it is granted. Worker only. */
enum admission admission_claim(struct segment *segment, const struct admission_claim *claim,
	struct admission_place *place);

/*
 * Takes a place whatever the limits say: for a connection that had one in another worker. Worker
 * only.
 */
void admission_take_over(struct segment *segment, const struct admission_claim *claim,
	struct admission_place *place);

/* Gives a granted place back, once the connection's descriptor is closed. */
void admission_release(struct segment *segment, struct admission_place place);

/* How many connections hold a place, in all workers. */
uint64_t admission_sum_admitted(const struct segment *segment);

/* How many places all workers have given back, ever. */
uint64_t admission_sum_released(const struct segment *segment);

/*
 * Whether the own slot counts HELD places, in all and over the services. It always does, unless
 * something else has written there.
 */
bool admission_counts(const struct segment *segment, uint64_t held);

/* Says to the others how many connections are on their way from this worker. */
void admission_set_moving(struct segment *segment, uint32_t count);

/* Says to the others whether the own connection of a place ends now: its client may know first. */
void admission_set_closing(struct segment *segment, bool closing);

/* Whether any are on their way, and count twice for a moment, or end, and count still. */
bool admission_overcounts(const struct segment *segment);

/* Says to the others whether this worker takes no connections for now. */
void admission_set_pausing(struct segment *segment, bool pausing);

/*
 * Whether this worker holds more connections than is fair beside the least loaded worker that is
 * ready, does not pause and whose loop turned within the last 100 ms of NOW_MS: one more, a 32nd of
 * what that one has, and LEEWAY.
 */
bool admission_is_crowded(const struct segment *segment, uint32_t leeway, int64_t now_ms);

/*
 * How many connections more this worker may take over to have its even share, of those that workers
 * have that are ready and turn (see above), and of those that others give away.
 */
uint32_t admission_room(const struct segment *segment, int64_t now_ms);

#endif
