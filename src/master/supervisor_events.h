/*
 * What children and empty seats bring about: messages, deaths, timers. The other half of
 * supervisor.c, which decides who starts and who goes.
 */
#ifndef MASTER_SUPERVISOR_EVENTS_H
#define MASTER_SUPERVISOR_EVENTS_H

#include "master/supervisor.h"

extern const struct child_ops supervisor_child_ops;

/* It is time to fill the seat that is the argument. */
void supervisor_on_seat_timer(int fd, short what, void *seat);

/* Whether somebody is to be started for it, and nobody is yet. */
bool supervisor_seat_is_open(const struct seat *seat);

/* CHILD, which is ready, serves from now on. */
void supervisor_serve(struct child *child);

/* Frees GENERATION if it has served, or never will, and has no child left. */
void supervisor_end_if_empty(struct generation *generation);

int64_t supervisor_drain_timeout_ms(const struct supervisor *supervisor);

#endif
