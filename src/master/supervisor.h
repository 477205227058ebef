/*
 * The table of children. A seat is a worker's number in a generation; a child is a process, in a
 * slot of the segment. A seat has at most one child that serves; one that drains keeps its slot and
 * has left its seat, which is filled again at once. A child that dies is reaped, and its slot is
 * dropped, from whichever state (child.h).
 */
#ifndef MASTER_SUPERVISOR_H
#define MASTER_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "master/child.h"
#include "master/generation.h"
#include "master/heritage.h"
#include "process/loop.h"
#include "process/role.h"
#include "segment/segment.h"

/* What the supervisor tells its owner. All on the master's loop. */
struct supervisor_ops {
	/* Every seat of the generation that starts has a ready child. */
	void (*ready)(void *arg);
	/* A child of it cannot start, died or was late. With the exit status of a first start. */
	void (*failed)(void *arg, int exit_status, const char *reason);
	/* A child is gone, and its slot is free, unless all end. */
	void (*gone)(void *arg);
	/* The last one is, and none will be started. */
	void (*all_gone)(void *arg);
	/* A child has given COUNT of its connections to others, and serves on. */
	void (*given)(void *arg, uint32_t count);
	/* Workers have been told of new settings: see supervisor_send_settings. */
	void (*settings)(void *arg);
};

struct supervisor {
	struct loop *loop;
	const struct role *role;
	struct segment *segment;
	struct child_list children;
	struct generation_list generations; /* that have children, or will have */
	struct generation *serving;         /* NULL: none yet */
	struct generation *starting;        /* NULL: none */
	bool stopping;                      /* the dead are not replaced any more */
	bool killing;                       /* and die because they are told to */
	bool slot_used[SEGMENT_SLOTS + SEGMENT_FORMER_SLOTS];
	int64_t slot_due_ms[SEGMENT_SLOTS +
		SEGMENT_FORMER_SLOTS]; /* when one whose child is gone is dropped; 0: not so */
	size_t moved, closed, cut;     /* connections, as the drained say */
	int traces[2]; /* of records of spans, of all workers ever: where from, where to */
	const struct supervisor_ops *ops;
	void *arg;
};

void supervisor_open(struct supervisor *supervisor, struct loop *loop, const struct role *role,
	struct segment *segment, const struct supervisor_ops *ops, void *arg);

/* The generation that serves; before the first one does, that one; NULL: there is none yet. */
static inline struct generation *
supervisor_current(const struct supervisor *supervisor)
{
	return supervisor->serving != NULL ? supervisor->serving : supervisor->starting;
}

/* Frees it and the generations that are left; no child is. */
void supervisor_close(struct supervisor *supervisor);

/*
 * Fills every seat of GENERATION, which is bound; takes it. Then `ready` is called, or `failed`.
 * Returns 0, or -1 with the reason, and the generation is to be abandoned.
 */
PF_MUST_CHECK int supervisor_start(
	struct supervisor *supervisor, struct generation *generation, struct error *error);

/*
 * Takes GENERATION, which is bound, for the one that serves, with the CHILDREN that another program
 * has started in this process. Returns 0, or -1 with the reason, and nothing is to be closed.
 */
PF_MUST_CHECK int supervisor_adopt(struct supervisor *supervisor, struct generation *generation,
	const struct heritage_child *children, size_t count, struct error *error);

/* In `ready`: the generation that starts serves from now on, and the one that served drains. */
void supervisor_switch(struct supervisor *supervisor);

/* The generation that starts shall not serve: kills its children and frees what it has bound. */
void supervisor_abandon(struct supervisor *supervisor);

/*
 * One worker more, or the last one less, of the generation that serves, while none starts.
 * Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int supervisor_add(struct supervisor *supervisor, struct error *error);
PF_MUST_CHECK int supervisor_remove(struct supervisor *supervisor, struct error *error);

/* Now and then: tells what could not be told at once. */
void supervisor_settle(struct supervisor *supervisor);

/* How many children more there is room for in the segment. */
size_t supervisor_free_slots(const struct supervisor *supervisor);

/* Whether a worker that is to drain has listeners open still. */
bool supervisor_lets_go(const struct supervisor *supervisor);

/* Tells every child where the log goes now, and what else of the configuration is for all at once.
 */
void supervisor_send_settings(struct supervisor *supervisor);

/* Asks every child to drain, or kills them if none has served; none is replaced from now on. */
void supervisor_drain(struct supervisor *supervisor);

/* Kills every child; none is replaced from now on. What they held counts as cut. */
void supervisor_kill(struct supervisor *supervisor);

/* A process has ended, as waitpid says; unknown ones are ignored. */
void supervisor_reaped(struct supervisor *supervisor, pid_t pid, int status);

#endif
