/*
 * The taking side of a hand-over: connections of workers that retire come here, as long as this one
 * has no more than the others. See conversation.h. Loop only.
 */
#ifndef WORKER_TAKEOVER_H
#define WORKER_TAKEOVER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "base/compiler.h"
#include "base/error.h"

struct worker;
struct incoming;

struct takeover {
	int inbox;  /* -1: it takes no more */
	int direct; /* another one, for a giver that is to have no other taker; -1 */
	struct event *direct_event;
	struct event *event;
	struct event *timer;            /* pending: others are to look first */
	unsigned yields;                /* in a row */
	LIST_HEAD(, incoming) incoming; /* conversations */
};

/* Prepares; on the worker's loop. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int takeover_open(struct worker *worker, struct error *error);

/* Begins to take. */
void takeover_start(struct worker *worker);

/* Takes also from INBOX, which is taken, whatever its share, until nobody has its other end. */
void takeover_take_from(struct worker *worker, int inbox);

/* Takes nothing from the inbox of all, until the next takeover_start. */
void takeover_rest(struct worker *worker);

/* Begins no more conversations; those that have begun go on. */
void takeover_stop(struct worker *worker);

/* Whether connections may still come. */
bool takeover_is_on(const struct worker *worker);

void takeover_close(struct worker *worker);

#endif
