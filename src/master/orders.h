/* What the master is told to do, by a signal or by preforkctl(8). On its loop. */
#ifndef MASTER_ORDERS_H
#define MASTER_ORDERS_H

#include <stddef.h>

#include "process/signals.h"

struct master;

extern const struct signal_row orders_signals[];
extern const size_t orders_signal_count;

/* Finish what is under way, and end; a second time: at once. */
void orders_drain(struct master *master);

/* End at once, with that status. */
void orders_stop(struct master *master, int exit_status);

/* Why nothing can be changed now, or NULL. */
const char *orders_why_not(const struct master *master);

/* Why the number of workers cannot be changed now, or NULL. */
const char *orders_why_not_scale(const struct master *master);

#endif
