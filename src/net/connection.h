/*
 * A client's connection: its socket, what waits to be sent and what is no whole message yet, its
 * deadline, its place, and its only close.
 *
 *	        +--------- connection_finish ---------+
 *	        |                                     v
 *	OPEN ---+--- an abort: connection_close --> CLOSED
 *	        |                                     ^
 *	        +-> FLUSHING --> LINGERING -----------+
 *
 *	OPEN       read, and written as output comes
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

#include "base/span.h"
#include "config/config.h"
#include "net/buffer.h"
#include "net/deadline.h"
#include "net/network.h"

enum connection_state {
	CONNECTION_OPEN,
	CONNECTION_FLUSHING,
	CONNECTION_LINGERING,
	CONNECTION_CLOSED,
};

enum close_reason {
	CLOSE_CLIENT,    /* the client shut its side and has its replies */
	CLOSE_TRUNCATED, /* the same, within a message */
	CLOSE_RESET,     /* the client or the network broke it off */
	CLOSE_PROTOCOL,  /* what came is no message */
	CLOSE_MODULE,    /* the module asked for it */
	CLOSE_READ_TIMEOUT,
	CLOSE_WRITE_TIMEOUT,
	CLOSE_IDLE_TIMEOUT,
	CLOSE_MEMORY, /* no memory for it */
	CLOSE_DRAIN,  /* the worker ends; everything begun has been answered */
	CLOSE_CUT,    /* the worker ends, and something was unfinished */
	CLOSE_REASON__COUNT
};

enum drain_step {
	DRAIN_NOT,
	DRAIN_READ_ONCE, /* the socket is to be read once more */
	DRAIN_FINISH,    /* only the rest of a message that has begun is read */
};

struct connection_ops {
	/*
	 * Takes messages from the front of INPUT, whole ones only, as long as connection_is_fed;
	 * says with connection_need how many bytes the next one needs. Returns the bytes used.
	 * After eof, INPUT is all that there will be. Writable, and lent until the next flush.
	 */
	size_t (*input)(struct connection *connection, struct span input);
	/* The connection is over; called once. */
	void (*closed)(struct connection *connection, enum close_reason reason);
	/* Frees what embeds the connection. */
	void (*release)(struct connection *connection);
};

struct connection {
	struct event event;
	struct network *network;
	const struct connection_ops *ops;
	const struct config_service *limits;
	uint64_t id;
	TAILQ_ENTRY(connection) entry;
	struct deadline deadline;
	struct buffer in;     /* what is no whole message yet, or must wait */
	struct buffer out;    /* what the kernel has not taken */
	size_t need;          /* bytes up to which the first message in `in` is read */
	int64_t read_due_ms;  /* when the message begun must be whole; paused: what was left */
	int64_t write_due_ms; /* when the kernel must have taken some of `out`; LINGERING: the end
	                       */
	int fd;
	uint32_t lingered; /* bytes thrown away */
	uint32_t untaken;  /* of what the kernel has, at the last progress of the output */
	uint8_t service;   /* id in the segment */
	uint8_t state;     /* enum connection_state */
	uint8_t reason;    /* enum close_reason, once it is not OPEN */
	uint8_t drain;     /* enum drain_step */
	uint8_t interest;  /* EV_READ, EV_WRITE: what the event waits for */
	bool eof : 1;      /* the client has shut its side */
	bool begun : 1;    /* a message has begun and is not whole: read_due_ms counts */
	bool paused : 1;   /* max_output is reached: nothing is read or decoded */
	bool failed : 1;   /* no memory for output: to be closed at the flush */
};

/*
 * Starts to serve the socket FD (taken on success; non-blocking), whose place in SERVICE has been
 * granted. CONNECTION is zeroed memory; connection_settle is to follow. Returns 0, or -1 without
 * memory, and then the caller keeps descriptor and place.
 */
PF_MUST_CHECK int connection_open(struct connection *connection, struct network *network, int fd,
	unsigned service, const struct config_service *limits, const struct connection_ops *ops);

/* Closes now, whatever is under way, and gives the place back. Idempotent. */
void connection_close(struct connection *connection, enum close_reason reason);

/* Closes in order: stops reading, sends all output, lingers, closes. */
void connection_finish(struct connection *connection, enum close_reason reason);

/* The worker ends: reads the socket once more, then closes in order when no message is begun. */
void connection_drain(struct connection *connection);

/*
 * Makes what the connection waits for (readable, writable, a deadline, the end of a drain) follow
 * from what it is. Done after each of its events, and by an owner that acted outside of one.
 * May close it.
 */
void connection_settle(struct connection *connection);

/* Puts bytes behind the output: copied, or lent until the next flush. */
void connection_send_copy(struct connection *connection, const void *data, size_t size);
void connection_send_lent(struct connection *connection, const void *data, size_t size);

/* Whether messages may be taken from its input now. */
static inline bool
connection_is_fed(const struct connection *connection)
{
	return connection->state == CONNECTION_OPEN && !connection->paused;
}

/* For connection_ops.input: the next message has SIZE bytes at least, or at most: a line. */
static inline void
connection_need(struct connection *connection, size_t size)
{
	connection->need = size;
}

/* A word for the reason, for logs. */
const char *close_reason_text(enum close_reason reason);
void connection_expired(struct deadline *deadline);

#endif
