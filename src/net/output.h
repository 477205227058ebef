/* The sending half of a connection. */
#ifndef NET_OUTPUT_H
#define NET_OUTPUT_H

#include "net/connection.h"

enum {
	/* Bytes: up to here a copy that joins its neighbours is cheaper than a part of its own. */
	OUTPUT_COPY_MAX = 1024,
};

/* Whether what is sent now goes anywhere. */
static inline bool
output_is_taken(const struct connection *connection)
{
	return !connection->failed &&
		(connection->state == CONNECTION_OPEN ||
			(connection->state == CONNECTION_FLUSHING && connection->held > 0));
}

/*
 * The short way, while output is taken: where SIZE bytes behind the output can be written, to be
 * followed by output_filled; or NULL, and then they have to be sent by what follows. For the owner.
 */
static inline char *
output_room(struct connection *connection, size_t size)
{
	struct gather *gather = &connection->network->gather;

	if (unlikely((gather->owner != connection && gather->owner != NULL) ||
		    connection->out.size > 0 || size > NETWORK_GATHER_COPY - gather->copied))
		return NULL;
	gather->owner = connection;
	return gather->copy + gather->copied;
}

/* The first SIZE bytes of that are output. */
static inline void
output_filled(struct connection *connection, size_t size)
{
	connection->network->gather.copied += size;
}

/* Put bytes behind the output: copied, or lent until the next flush. For the owner. */
void output_send_copy(struct connection *connection, const void *data, size_t size);
void output_send_lent(struct connection *connection, const void *data, size_t size);

/*
 * Writes what was gathered for the connection in one call and queues what the kernel did not take.
 * Afterwards lent bytes may go. May close the connection.
 */
void output_flush(struct connection *connection);

/* The same for whichever connection has something gathered, which is then settled. */
void output_flush_gathered(struct network *network);

/* What follows is for connection.c and input.c. */

/* The socket takes bytes again: writes what is queued. May close the connection. */
void output_resume(struct connection *connection);

/*
 * When write_timeout has passed: whether the client took nothing in that time. A socket becomes
 * writable only when a good part of its buffer is free, so a slow reader is one whose kernel
 * buffer shrinks; it gets another write_timeout.
 */
bool output_is_stuck(struct connection *connection);

/* The connection is being closed: its output goes. */
void output_discard(struct connection *connection);

#endif
