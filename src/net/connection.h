/*
 * A client's connection: its socket, what waits to be sent and what is no whole message yet, its
 * deadline, its place, and its only close.
 *
 *	        +--- connection_close: an abort ----------------------+
 *	        |                                                     v
 *	OPEN ---+--- connection_finish --> FLUSHING --> LINGERING --> CLOSED
 *
 *	OPEN       read, and written as output comes; MOVING and back: see move.h
 *	FLUSHING   not read any more; ends when the output is out
 *	LINGERING  our side is shut down; what still comes is read and thrown away, so that the
 *	           kernel has no reason to reset what the client has not read yet
 *	CLOSED     gone but for its memory, which goes at the end of the turn
 *
 * The owner (a session) embeds it and implements connection_ops.
 */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event_struct.h>

#include "config/config.h"
#include "net/buffer.h"
#include "net/connection_ops.h"
#include "net/network.h"
#include "segment/admission.h"

enum connection_state {
	CONNECTION_OPEN,
	CONNECTION_FLUSHING,
	CONNECTION_LINGERING,
	CONNECTION_MOVING,
	CONNECTION_CLOSED,
};

enum drain_step {
	DRAIN_NOT,
	DRAIN_READ_ONCE, /* the socket is to be read once more */
	DRAIN_FINISH,    /* only the rest of a message that has begun is read */
	DRAIN_LAST,      /* that is in: nothing is read, and what is no whole message goes */
};
struct connection {
	struct event event;
	struct network *network;
	const struct config_service *limits;
	uint64_t id;
	SLIST_ENTRY(connection) chain_entry; /* in its network's connections */
	STAILQ_ENTRY(connection) entry;      /* among those that were closed in this turn */
	struct deadline deadline;
	struct buffer in;     /* what is no whole message yet, or must wait */
	struct buffer out;    /* what the kernel has not taken */
	int64_t active_ms;    /* the last traffic, or end of a request: when it began to be idle */
	int64_t read_due_ms;  /* when the message begun must be whole; paused: what was left */
	int64_t write_due_ms; /* when the kernel must have taken some of out; LINGERING: the end */
	uint32_t need;        /* bytes up to which the first message in `in` is read */
	uint32_t idle_timeout_ms; /* 0: none */
	union {
		uint32_t untaken;  /* of what the kernel has, at the last progress of the output */
		uint32_t lingered; /* LINGERING: bytes thrown away */
	};
	struct admission_place place;
	int fd;
	uint32_t opened;    /* when it was accepted, by whichever worker: see age.h */
	uint16_t held;      /* requests of the owner that are under way: see connection_hold */
	uint8_t state;      /* enum connection_state */
	uint8_t reason : 6; /* enum close_reason, once it is not OPEN */
	uint8_t drain : 2;  /* enum drain_step */
	uint8_t interest;   /* EV_READ, EV_WRITE: what the event waits for */
	uint8_t paused;     /* PAUSE_... of flow.h */
	bool listed;        /* open, as other threads see it: under the lock of connections.c */
	bool eof : 1;       /* the client has shut its side */
	bool begun : 1;     /* a message has begun and is not whole: read_due_ms counts */
	bool taken : 1;     /* a message was taken from what the last read brought */
	bool failed : 1;    /* out of memory for it: closed when it is settled */
	bool asked : 1;     /* a heartbeat was sent, and nothing has come since */
	bool ended : 1;     /* the owner has said good-bye, or need not */
	bool pressed : 1;   /* something came while it was paused: its event waits for no more */
	bool heard : 1;     /* something has come from the client; until then see age.h */
};

/*
 * Starts to serve the socket FD (non-blocking) with the PLACE that it was granted: both are taken
 * on success. CONNECTION is zeroed memory; connection_settle is to follow. Returns 0, or -1 without
 * memory.
 */
PF_MUST_CHECK int connection_open(struct connection *connection, struct network *network, int fd,
	struct admission_place place, const struct config_service *limits);

/* Closes now, whatever is under way, and gives the place back. Idempotent. */
void connection_close(struct connection *connection, enum close_reason reason);

/* Closes in order: stops reading, sends all output, lingers, closes. */
void connection_finish(struct connection *connection, enum close_reason reason);

/* The worker ends: reads the socket once more, then closes in order when no message is begun. */
void connection_drain(struct connection *connection);

/*
 * A request of the owner is under way: until it is released, the connection takes output even
 * though it is being finished, ends no drain and is not idle. connection_settle is to follow a
 * release outside of the connection's own events.
 */
static inline void
connection_hold(struct connection *connection)
{
	connection->held++;
}

static inline void
connection_release(struct connection *connection)
{
	connection->held--;
}

/*
 * Makes what the connection waits for (readable, writable, a deadline, the end of a drain) follow
 * from what it is. Done after each of its events, and by an owner that acted outside of one.
 * May close it.
 */
void connection_settle(struct connection *connection);

/* Traffic, or the end of a request; while a heartbeat is unanswered, only the client's counts. */
static inline void
connection_show_activity(struct connection *connection)
{
	if (!connection->asked)
		connection->active_ms = loop_now(connection->network->loop);
}

/* From now on it may be idle for MS milliseconds; 0: for ever; negative: as its limits say. */
void connection_set_idle_timeout(struct connection *connection, int64_t ms);

/* The owner frees it: nothing will find it any longer. */
void connection_forget(struct connection *connection);

/* For connection_ops.input: the next message has SIZE bytes at least, or at most: a line. */
static inline void
connection_need(struct connection *connection, size_t size)
{
	connection->need = (uint32_t)size;
}

/* For network.c. */
void connection_expired(struct deadline *deadline);

#endif
