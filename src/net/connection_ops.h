/* What the owner of connections does for them. */
#ifndef NET_CONNECTION_OPS_H
#define NET_CONNECTION_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "net/close_reason.h"

struct connection;

struct connection_ops {
	/*
	 * Takes messages from the front of INPUT, whole ones only, as long as flow_is_on;
	 * says with connection_need how many bytes the next one needs. Returns the bytes used.
	 * After eof, INPUT is all that there will be. Writable, and lent until the next flush.
	 */
	size_t (*input)(struct connection *connection, struct span input);
	/*
	 * The connection is over: at the end of a turn. Calls connection_forget, frees what embeds
	 * it and returns true; or false, to be asked again after the next turn.
	 */
	bool (*closed)(struct connection *connection, enum close_reason reason);
	/* Nothing has come for so long: sends a message that asks for an answer. */
	void (*heartbeat)(struct connection *connection);
	/* All replies are queued, and a drain closes the connection: may send a last message. */
	void (*goodbye)(struct connection *connection);
};

#endif
