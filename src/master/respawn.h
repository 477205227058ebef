/*
 * When a dead child is replaced: a pure function of what happened before, so that a table tests it.
 *
 * The first death is answered at once. Each further one without CALM_MS of life in between doubles
 * the wait: up to CEILING_MS for a child that had been ready (a crash under load must not end the
 * service), up to STARTING_CEILING_MS for one that could not even start (trying again soon would
 * only spin).
 */
#ifndef MASTER_RESPAWN_H
#define MASTER_RESPAWN_H

#include <stdbool.h>
#include <stdint.h>

enum {
	RESPAWN_FIRST_MS = 50,
	RESPAWN_CEILING_MS = 1000,
	RESPAWN_STARTING_CEILING_MS = 30000,
	RESPAWN_CALM_MS = 10000,
};

struct respawn {
	unsigned deaths; /* in a row, none of them after a calm life */
};

struct respawn_death {
	int64_t lived_ms;
	bool ready; /* it had said that it is */
};

/* Records the death and returns how long to wait before the next child, in milliseconds. */
int64_t respawn_delay_ms(struct respawn *respawn, const struct respawn_death *death);

#endif
