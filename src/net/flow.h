/* Whether messages are taken from a connection: while they are not, its socket is not read. */
#ifndef NET_FLOW_H
#define NET_FLOW_H

#include "net/connection.h"

/* Why they are not, as bits. */
enum {
	PAUSE_OUTPUT = 1, /* max_output is reached */
	PAUSE_OWNER = 2,  /* the owner takes no more */
	PAUSE_MOVE = 4,   /* it is to leave as soon as nothing is under way */
};

static inline bool
flow_is_on(const struct connection *connection)
{
	return connection->state == CONNECTION_OPEN && connection->paused == 0;
}

/* Adds a reason, or takes it away; flow_resume is to follow the latter. Idempotent. */
void flow_pause(struct connection *connection, unsigned why);
void flow_unpause(struct connection *connection, unsigned why);

/*
 * Offers the owner what had to wait, if there is no reason left. connection_settle is to follow,
 * outside of the connection's own events.
 */
void flow_resume(struct connection *connection);

#endif
