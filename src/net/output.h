/* The sending half of a connection. */
#ifndef NET_OUTPUT_H
#define NET_OUTPUT_H

#include "net/connection.h"

/* Whether what is sent now goes anywhere. */
static inline bool
output_is_taken(const struct connection *connection)
{
	return !connection->failed &&
		(connection->state == CONNECTION_OPEN ||
			(connection->state == CONNECTION_FLUSHING && connection->held > 0));
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
