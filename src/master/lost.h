/* What becomes of the connections of a worker that is gone, in numbers. */
#ifndef MASTER_LOST_H
#define MASTER_LOST_H

#include <stdbool.h>

#include "segment/segment.h"

/*
 * Counts the connections that the worker of slot INDEX had open when it ended as killed, so that
 * those that have begun, are open and have ended always add up; those that it had sent to others,
 * and had no answer yet, as moved. After waitpid, before the slot is dropped.
 */
void lost_count(struct segment *segment, unsigned index);

/*
 * Whether that can be told at once. If not, it died as it took a connection over, and whether that
 * stays where it was is known a moment later.
 */
bool lost_is_settled(const struct segment *segment, unsigned index);

#endif
