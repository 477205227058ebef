#include <config.h>

#include "segment/ids.h"

#include <time.h>

enum {
	SLOT_SHIFT = 16,
	TIME_SHIFT = 24,
	COUNT_MAX = 1 << SLOT_SHIFT,
};

static const int64_t epoch_s = 1577836800; /* 2020-01-01T00:00:00Z */

static uint64_t
time_stamp(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)(now.tv_sec - epoch_s) * 256 + (uint64_t)now.tv_nsec / (1000000000 / 256);
}

/* The slot remembers the last stamp, so that a clock set back or a quick respawn repeats none. */
static void
move_on(struct ids *ids, struct segment *segment)
{
	uint64_t last = atomic_load(&segment->own->id_stamp);
	uint64_t stamp = time_stamp();

	if (stamp <= last)
		stamp = last + 1;
	atomic_store(&segment->own->id_stamp, stamp);
	ids->prefix = stamp << TIME_SHIFT | (ids->prefix & (0xff << SLOT_SHIFT));
	ids->used = 0;
}

void
ids_start(struct ids *ids, struct segment *segment, unsigned index)
{
	ids->prefix = (uint64_t)(index & 0xff) << SLOT_SHIFT;
	move_on(ids, segment);
}

uint64_t
ids_next(struct ids *ids, struct segment *segment)
{
	if (ids->used == COUNT_MAX)
		move_on(ids, segment);
	return ids->prefix | ids->used++;
}
