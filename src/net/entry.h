/*
 * The way in for one connection of a listener's queue: who may not come is turned away, who may
 * gets a place, if there is one.
 */
#ifndef NET_ENTRY_H
#define NET_ENTRY_H

#include <stdbool.h>

struct acceptor;
struct acceptor_listener;
struct config_service;

enum entry {
	ENTRY_NONE, /* the queue is empty */
	ENTRY_REFUSED,
	ENTRY_SERVED,
	ENTRY_SHORT,  /* of descriptors or memory; errno says which, the queue is as it was */
	ENTRY_BROKEN, /* nothing will ever come from this listener; errno says why */
};

/* Whether a limit or a list of SERVICE needs the address of the client. */
bool entry_asks_peer(const struct config_service *service);

/* Takes the next connection, and hands it to acceptor->accepted or closes it. Loop only. */
enum entry entry_take(struct acceptor *acceptor, const struct acceptor_listener *listener);

#endif
