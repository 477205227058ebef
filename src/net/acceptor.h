/*
 * Takes connections from the listeners of a worker, one a wake, no more than its fair share and not
 * faster than accept_rate, and only those that may come and for which there is a place.
 */
#ifndef NET_ACCEPTOR_H
#define NET_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "net/network.h"
#include "process/inheritance.h"
#include "segment/admission.h"

struct acceptor;

struct acceptor_listener {
	struct acceptor *acceptor;
	const struct config_service *config;
	struct event *event;
	struct event *rest_timer; /* ends a rest of this listener alone; NULL: no accept_rate */
	int fd;
	unsigned service_id; /* in the segment */
	size_t service;      /* index in the configuration */
	bool resting;
	bool asks_peer; /* a limit or a list needs the address of the client */
};

struct acceptor {
	struct network *network;
	const struct config *config;
	struct acceptor_listener *listeners;
	size_t count;
	struct event *timer; /* ends a yield or a pause */
	unsigned yields;     /* in a row */
	int64_t pause_ms;    /* the last pause for want of resources; 0: there was none */
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

/*
 * Takes what the kernel has queued already, whatever accept_rate says, before the last close of a
 * listener resets it.
 */
void acceptor_take_queued(struct acceptor *acceptor);

/* Stops for good and closes the listeners. Idempotent. */
void acceptor_close(struct acceptor *acceptor);

#endif
