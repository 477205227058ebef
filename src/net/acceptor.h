/*
 * Takes connections from the listeners of a worker at the end of its turns: no more than its fair
 * share, not faster than accept_rate, and only those that may come and for which there is a place.
 *
 * Events of listeners are edge-triggered, and each worker that shares a socket gets each edge. One
 * that has more connections than others leaves what waits to them. It looks again whenever it has
 * had a turn, for its own connections may have ended by then, and after 1 ms, in case that nobody
 * has taken it. Where connections come and go, what is uneven is soon gone by itself: a quarter of
 * those that ended lately, of all workers, is fair besides.
 */
#ifndef NET_ACCEPTOR_H
#define NET_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/compiler.h"
#include "base/error.h"
#include "net/entry.h"
#include "net/network.h"
#include "process/inheritance.h"
#include "segment/admission.h"

struct acceptor;

struct acceptor_listener {
	TAILQ_ENTRY(acceptor_listener) entry;
	TAILQ_ENTRY(acceptor_listener) waiting_entry;
	struct acceptor *acceptor;
	const struct config_service *config;
	struct event *event;
	struct event *rest_timer; /* ends a rest of this listener alone; NULL: no accept_rate */
	int fd;
	uint32_t id;         /* of the socket, in messages */
	unsigned service_id; /* in the segment */
	size_t service;      /* index in the configuration */
	unsigned yields;     /* in a row that have come to nothing */
	bool waiting;   /* its queue was not empty when last looked at: in waiting of acceptor */
	bool yielding;  /* what waits is left to others, until yield_timer at most */
	bool resting;   /* its service is too fast for now, or it is given up */
	bool asks_peer; /* a limit or a list needs the address of the client */
	bool lent;      /* by the service manager, with what waits in its queue */
	bool alone;     /* no other worker takes from it: see reuse_port */
};

struct acceptor {
	struct network *network;
	const struct inheritance *inheritance;
	const struct config *config;
	TAILQ_HEAD(acceptor_listeners, acceptor_listener) listeners;
	struct acceptor_listeners waiting;
	bool started;
	bool sealed;       /* listeners were: see seal.h; connections taken may have inherited it */
	uint64_t released; /* places, by all workers, until the last tick */
	uint64_t released_lately; /* between the last two ticks */
	struct entry_held held;   /* what waits, waits for it */
	struct event *rest_timer; /* ends a pause of all listeners */
	int former_looks;         /* for workers of a former program to stop */
	struct event *yield_timer;
	int64_t pause_ms; /* the last pause for want of resources; 0: there was none */
	/* A connection with a PLACE in SERVICE, for the taking: descriptor and place are taken. */
	void (*accepted)(void *arg, int fd, size_t service, struct admission_place place);
	void *arg;
};

/* Prepares to accept from the inherited listeners, which it takes. Returns 0, or -1. */
PF_MUST_CHECK int acceptor_open(struct acceptor *acceptor, struct network *network,
	const struct inheritance *inheritance,
	void (*accepted)(void *arg, int fd, size_t service, struct admission_place place),
	void *arg, struct error *error);

/* Begins to accept. */
void acceptor_start(struct acceptor *acceptor);

/* At the end of a turn: takes some of what waits. Loop only. */
void acceptor_turn(struct acceptor *acceptor);

/* Every 50 ms. Loop only. */
void acceptor_tick(struct acceptor *acceptor);

/* Whether there is more to take, which no event tells of. */
bool acceptor_is_busy(const struct acceptor *acceptor);

/* One listener more; takes its descriptor, also on failure. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int acceptor_add(
	struct acceptor *acceptor, const struct inherited_listener *socket, struct error *error);

/* One less: the socket of that id, if there is one. LAST: see acceptor_take_queued. */
void acceptor_remove(struct acceptor *acceptor, uint32_t id, bool last);

/*
 * Lets nobody in any more and takes what the kernel has queued, whatever accept_rate says, before
 * the last close of a listener resets it. What waits at one that is lent is for the next server.
 */
void acceptor_take_queued(struct acceptor *acceptor);

/* Stops for good and closes the listeners. Idempotent. */
void acceptor_close(struct acceptor *acceptor);

#endif
