/*
 * The table of children. A seat is a worker's number; a child is a process, in a slot of the
 * segment. A seat has at most one child that serves; one that drains keeps its slot and has left
 * its seat, which is filled again at once.
 *
 *	(spawn) --> STARTING --READY--> RUNNING --RETIRE--> RETIRED
 *	                |                  |                     |
 *	                +------- death: reaped, slot dropped ----+
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
#include "master/respawn.h"
#include "process/loop.h"
#include "process/role.h"
#include "segment/segment.h"

struct seat {
	struct supervisor *supervisor;
	int number;          /* of the worker, from 1 */
	struct child *child; /* that serves or starts; NULL: none */
	struct respawn respawn;
	struct event *timer; /* pending: the seat waits to be filled */
};

/* What the supervisor tells its owner. All on the master's loop. */
struct supervisor_ops {
	/* Every seat has a ready child. Called once, after the first start. */
	void (*all_ready)(void *arg);
	/* Before that: a child cannot start, died or was late. With the exit status to end with. */
	void (*start_failed)(void *arg, int exit_status, const char *reason);
	/* The last child is gone. */
	void (*all_gone)(void *arg);
};

struct supervisor {
	struct loop *loop;
	const struct role *role;
	struct inheritance inheritance; /* what every child gets; slot and number filled in */
	struct child_list children;
	struct seat *seats;
	size_t seat_count;
	bool started;  /* all_ready was called */
	bool stopping; /* the dead are not replaced any more */
	bool killing;  /* and die because they are told to */
	bool slot_used[SEGMENT_SLOTS];
	size_t closed, cut; /* connections, as the drained say */
	const struct supervisor_ops *ops;
	void *arg;
};

/* Makes SEATS seats; INHERITANCE is copied. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int supervisor_open(struct supervisor *supervisor, struct loop *loop,
	const struct role *role, const struct inheritance *inheritance, size_t seats,
	const struct supervisor_ops *ops, void *arg, struct error *error);

/* Frees it; no child is left. */
void supervisor_close(struct supervisor *supervisor);

/* Fills every seat. Returns 0, or -1 with the reason and some children started. */
PF_MUST_CHECK int supervisor_start(struct supervisor *supervisor, struct error *error);

/*
 * Asks every child to drain, or kills them if the first start is not complete; none is replaced
 * from now on.
 */
void supervisor_drain(struct supervisor *supervisor);

/* Kills every child; none is replaced from now on. What they held counts as cut. */
void supervisor_kill(struct supervisor *supervisor);

/* A process has ended, as waitpid says; unknown ones are ignored. */
void supervisor_reaped(struct supervisor *supervisor, pid_t pid, int status);

#endif
