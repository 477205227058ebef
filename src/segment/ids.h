/*
 * Connection ids, unique among all workers and restarts without anybody being asked:
 *
 *	40 bits  time of day in 1/256 s since 2020-01-01, never the same twice in a slot
 *	 8 bits  slot
 *	16 bits  a count, which moves the time on when it is used up
 *
 * A request's id is its connection's and its number there.
 */
#ifndef SEGMENT_IDS_H
#define SEGMENT_IDS_H

#include <stdint.h>

#include "segment/segment.h"

struct ids {
	uint64_t prefix; /* time and slot, in place */
	uint32_t used;   /* of the count */
};

/* Worker: starts to give out ids for the own slot INDEX. */
void ids_start(struct ids *ids, struct segment *segment, unsigned index);

/* The next id; never 0. */
uint64_t ids_next(struct ids *ids, struct segment *segment);

#endif
