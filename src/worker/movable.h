/*
 * Which connections of a worker that retires are still to move, by their ids: one that ends is not
 * taken out, and found to be gone later. Handover's. Loop only.
 */
#ifndef WORKER_MOVABLE_H
#define WORKER_MOVABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct connections;
struct session;

struct movable {
	const struct connections *connections;
	uint64_t *ids;
	size_t count;
	size_t room;
	size_t cursor; /* the one that is looked at next */
};

void movable_free(struct movable *movable);

/* Adds SESSION. Returns 0, or -1 without memory. */
PF_MUST_CHECK int movable_add(struct movable *movable, const struct session *session);

/* The same, and it is looked at next. */
PF_MUST_CHECK int movable_add_next(struct movable *movable, const struct session *session);

/* The session of ID; NULL: it is gone. */
struct session *movable_find(const struct movable *movable, uint64_t id);

/* Whether SESSION can move now. If not, it is not read any more, so that it can soon. */
bool movable_is_ready(struct session *session);

/* Looks for one that can move now, and stays at it. Of many, some are looked at. */
struct session *movable_seek(struct movable *movable);

/* Takes ids of up to MOST that can move now out. A suspect goes first, or waits. Returns how many.
 */
unsigned movable_choose(struct movable *movable, uint64_t *chosen, unsigned most);

/* Whether the last movable_seek cannot have looked at all. */
bool movable_is_long(const struct movable *movable);

/* Takes any out that is not gone; NULL: there is none. */
struct session *movable_pop(struct movable *movable);

#endif
