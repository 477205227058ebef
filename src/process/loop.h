/*
 * An event loop that knows where its turns end, reads the time once a turn, and can be woken by
 * other threads.
 *
 * A turn is one wait and the callbacks of all that it brought. What is done at its end (memory
 * freed, work handed over in one go) is the role's.
 */
#ifndef PROCESS_LOOP_H
#define PROCESS_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"

struct loop {
	struct event_base *base;
	int64_t now_ms; /* 0: not read in this turn yet */
	bool stopping;
	int wake_fd;                 /* eventfd, if there is a `wake` */
	struct event *wake;          /* NULL: no other thread wakes the loop */
	_Atomic bool waiting;        /* it waits, or is about to: loop_wake has to end that */
	void (*turn_end)(void *arg); /* NULL: nothing */
	/* Asked before each wait: whether there is more to do than events. NULL: never. */
	bool (*is_busy)(void *arg);
	void *arg;
};

/* Makes the loop. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int loop_open(struct loop *loop, struct error *error);

/* Frees it; every event on it must be gone. */
void loop_close(struct loop *loop);

/* Turns until loop_stop. */
void loop_run(struct loop *loop);

/* Ends loop_run at the end of this turn. */
void loop_stop(struct loop *loop);

/* Makes loop_wake possible. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int loop_open_wake(struct loop *loop, struct error *error);

/*
 * Ends the loop's wait, if it waits: it then has a turn. Any thread. What is to be found in that
 * turn must be published before (sequentially consistent), and is_busy must look there.
 */
void loop_wake(struct loop *loop);

/* For loop_now. */
void loop_read_time(struct loop *loop);

/* Time of this turn: CLOCK_MONOTONIC, milliseconds. */
static inline int64_t
loop_now(struct loop *loop)
{
	if (loop->now_ms == 0)
		loop_read_time(loop);
	return loop->now_ms;
}

/* A duration as libevent takes it. */
static inline struct timeval
loop_timeval(int64_t ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

/* (Re)starts a timer made by evtimer_new on this loop. */
void loop_start_timer(struct event *timer, int64_t ms);

#endif
