/*
 * Deadlines of many things on one timer, cheap to put off.
 *
 * Putting a deadline off is one store: the tree still holds the earlier time, and when that comes
 * the entry goes back in with the later one. So what is put off with every message is moved once
 * in a while only. Moving one forward moves the entry at once.
 */
#ifndef NET_DEADLINE_H
#define NET_DEADLINE_H

#include <stdint.h>

#include <sys/tree.h>

#include "base/compiler.h"
#include "base/error.h"
#include "process/loop.h"

#define DEADLINE_NEVER INT64_MAX

struct deadline {
	RB_ENTRY(deadline) entry;
	int64_t due_ms;    /* when it is to expire */
	int64_t queued_ms; /* where it stands in the tree, at most due_ms; DEADLINE_NEVER: not */
};

RB_HEAD(deadline_tree, deadline);

struct deadlines {
	struct deadline_tree tree;
	struct loop *loop;
	struct event *timer;
	int64_t timer_ms; /* what the timer is set to; DEADLINE_NEVER: not pending */
	void (*expired)(struct deadline *deadline);
};

/* EXPIRED is called on the loop; the deadline is then out of the tree and may be set or freed. */
PF_MUST_CHECK int deadlines_open(struct deadlines *deadlines, struct loop *loop,
	void (*expired)(struct deadline *deadline), struct error *error);
void deadlines_close(struct deadlines *deadlines);

void deadline_init(struct deadline *deadline);
void deadline_cancel(struct deadlines *deadlines, struct deadline *deadline);

/* Puts the entry where it must stand. For deadline_set. */
void deadline_requeue(struct deadlines *deadlines, struct deadline *deadline);

/* Sets or moves a deadline; DEADLINE_NEVER leaves it without one. */
static inline void
deadline_set(struct deadlines *deadlines, struct deadline *deadline, int64_t due_ms)
{
	deadline->due_ms = due_ms;
	if (due_ms < deadline->queued_ms)
		deadline_requeue(deadlines, deadline);
}

#endif
