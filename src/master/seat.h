/* A worker's number in its generation, and who has it. */
#ifndef MASTER_SEAT_H
#define MASTER_SEAT_H

#include "base/compiler.h"
#include "base/error.h"
#include "master/respawn.h"
#include "process/loop.h"

struct child;
struct generation;

struct seat {
	struct generation *generation;
	int number;          /* of the worker, from 1 */
	struct child *child; /* that serves or starts; NULL: none */
	struct child *next;  /* that starts while the child serves on, which retires; NULL: none */
	struct respawn respawn;
	struct event *timer; /* pending: the seat waits to be filled */
};

/* ON_TIMER is called with the seat when it is time to fill it. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int seat_open(struct seat *seat, struct generation *generation, int number,
	struct loop *loop, event_callback_fn on_timer, struct error *error);

void seat_close(struct seat *seat);

/* CHILD is the seat's, or the next one if there is somebody. */
void seat_take(struct seat *seat, struct child *child);

/* If CHILD has the seat, it is the next one's. */
void seat_leave(struct seat *seat, const struct child *child);

#endif
