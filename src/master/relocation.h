/*
 * Connections that go from one worker to others by hand, while all of them serve on. The workers do
 * it by a hand-over (doc/handover.md); here it is decided who gives how many, and to whom.
 */
#ifndef MASTER_RELOCATION_H
#define MASTER_RELOCATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "master/supervisor.h"

struct relocation {
	struct supervisor *supervisor;
	bool on;
	int64_t begun_ms;
	uint32_t moved; /* connections, in this one */
	/* It is over. */
	void (*ended)(void *arg, uint32_t moved);
	void *arg;
};

/*
 * Worker FROM of the generation that serves gives its connections to worker TO; 0: to all others.
 * Returns an exit status of sysexits(3); 0: `ended` will follow, else ERROR says why not.
 */
int relocation_move(struct relocation *relocation, unsigned from, unsigned to, struct error *error)
	PF_MUST_CHECK;

/* Whoever has more connections than the mean gives those. Returns as relocation_move. */
int relocation_rebalance(struct relocation *relocation, struct error *error) PF_MUST_CHECK;

/* A worker says that it has given COUNT. */
void relocation_given(struct relocation *relocation, uint32_t count);

/*
 * A worker has said so, or is gone, and now and then: perhaps it is over. A worker that does not
 * say so in time is not waited for.
 */
void relocation_look(struct relocation *relocation);

#endif
