/*
 * The way in for one connection of a listener's queue: who may not come is turned away, who may
 * gets a place, if there is one.
 */
#ifndef NET_ENTRY_H
#define NET_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/host.h"

struct acceptor;
struct acceptor_listener;
struct config_service;

enum entry {
	ENTRY_NONE, /* the queue is empty */
	ENTRY_REFUSED,
	ENTRY_SERVED,
	ENTRY_SHORT,  /* of descriptors or memory; errno says which, the queue is as it was */
	ENTRY_HELD,   /* see below */
	ENTRY_BROKEN, /* nothing will ever come from this listener; errno says why */
};

/*
 * A client for whom there is no place while connections change hands or end: each of them counts
 * for a moment too long, so a place may be free all the same.
 */
struct entry_held {
	int fd; /* -1: there is none */
	const struct acceptor_listener *listener;
	bool has_host;
	struct host host;
	int64_t until_ms; /* then it is refused */
};

/* Whether a limit or a list of SERVICE needs the address of the client. */
bool entry_asks_peer(const struct config_service *service);

/* Takes the next connection, and hands it to acceptor->accepted or closes it. Loop only. */
enum entry entry_take(struct acceptor *acceptor, const struct acceptor_listener *listener);

/* Looks again for a place for who is held; at LAST for the last time. */
enum entry entry_try_again(struct acceptor *acceptor, bool last);

#endif
