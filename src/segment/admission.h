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

#include <stdbool.h>
#include <stdint.h>

#include "segment/segment.h"

enum admission {
	ADMISSION_GRANTED,
	ADMISSION_FULL,         /* all services together have reached their limit */
	ADMISSION_SERVICE_FULL, /* this service has */
};

/*
 * Asks for a place for one connection of SERVICE (its id in the segment). LIMIT and SERVICE_LIMIT
 * are numbers of connections; a SERVICE_LIMIT of 0 is none. Worker only.
 */
enum admission admission_claim(
	struct segment *segment, unsigned service, uint32_t limit, uint32_t service_limit);

/* Gives a granted place back, once the connection's descriptor is closed. */
void admission_release(struct segment *segment, unsigned service);

/*
 * Whether this worker holds over one connection more than the least loaded worker that is ready
 * and whose loop turned within the last 100 ms of NOW_MS.
 */
bool admission_is_crowded(const struct segment *segment, int64_t now_ms);

#endif
