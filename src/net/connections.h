/*
 * All connections of a worker, by id: how a connection is found again that somebody has named, for
 * whoever waits for a thread or a module keeps no pointer to it. The loop changes and reads it;
 * other threads may ask whether a connection is open, which is all that the lock is for.
 */
#ifndef NET_CONNECTIONS_H
#define NET_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/compiler.h"

struct config_service;
struct connection;

SLIST_HEAD(connection_chain, connection);

struct connections {
	struct connection_chain *chains;
	size_t mask;  /* chains, a power of two, less one */
	size_t count; /* those that are closed and not forgotten included */
	pthread_mutex_t lock;
};

/* Returns 0, or -1 without memory. */
PF_MUST_CHECK int connections_open(struct connections *connections);
void connections_close(struct connections *connections);

/* Puts in one that is open; its id is set. */
void connections_add(struct connections *connections, struct connection *connection);

/* Other threads find it again. */
void connections_mark_open(struct connections *connections, struct connection *connection);

/* It is closed, or about to move, but can still be found by the loop. */
void connections_mark_closed(struct connections *connections, struct connection *connection);

/* Takes it out. */
void connections_remove(struct connections *connections, struct connection *connection);

/* Loop: the one with that id, perhaps closed, or NULL. */
struct connection *connections_find(const struct connections *connections, uint64_t id);

/* Any thread: whether one with that id, of the service with these LIMITS, is open. */
bool connections_has_open(
	struct connections *connections, uint64_t id, const struct config_service *limits);

/*
 * Any thread: calls THEN if one is, and until that returns it stays so. Returns whether it is.
 */
bool connections_if_open(struct connections *connections, uint64_t id,
	const struct config_service *limits, void (*then)(void *arg), void *arg);

/* Calls VISIT for each, which may close connections but not take any out. */
void connections_visit(struct connections *connections,
	void (*visit)(struct connection *connection, void *arg), void *arg);

#endif
