/*
 * What preforkctl(8) and the master say to each other over the control socket, a SEQPACKET socket:
 * one request, one reply, both of a fixed size, with descriptors along where it says so. The texts
 * in replies are for people; nobody reads sense into them.
 */
#ifndef PROCESS_CONTROL_H
#define PROCESS_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/compiler.h"

enum {
	CONTROL_VERSION = 1,
	CONTROL_TEXT_MAX = 512, /* bytes, with the end */
	CONTROL_NAME_MAX = 64,
	CONTROL_FILES_MAX = 2,
	CONTROL_ROWS = 32, /* in a packet */
};

enum control_command {
	CONTROL_STATUS = 1, /* the segment comes along, and a former one; both for reading */
	CONTROL_CONFIG,     /* the configuration in use comes along: a file as `preforkd -T` */
	CONTROL_RELOAD,     /* answered when it is over, as the next two */
	CONTROL_UPGRADE,
	CONTROL_MOVE,        /* worker `from` gives its connections to `to`; 0: to all others */
	CONTROL_REBALANCE,   /* who has more connections than others gives some */
	CONTROL_WORKERS,     /* `number` more or less of them; `set`: that many */
	CONTROL_CONNECTIONS, /* a socket comes along from which rows can be read, up to its end */
	CONTROL_KILL,        /* the same, with one row: the connection `id`, which is closed */
	CONTROL_LOG_LEVEL,   /* `number`: enum log_level */
	CONTROL_DRAIN,       /* and end: when it has, this socket ends, as with the next one */
	CONTROL_STOP,
	CONTROL__COUNT
};

struct control_request {
	uint16_t version;
	uint16_t command;
	uint32_t set;
	int32_t number;
	uint32_t from, to; /* workers, from 1 */
	uint32_t reserved;
	uint64_t id;
};

struct control_reply {
	uint16_t version;
	uint16_t files;  /* descriptors that come along */
	int32_t status;  /* of sysexits(3) */
	int32_t pid;     /* of the master */
	uint32_t layout; /* of the segment */
	uint32_t generation, workers;
	uint32_t replaced; /* RELOAD: workers were */
	uint32_t moved;    /* MOVE, REBALANCE: connections */
	uint32_t asked;    /* CONNECTIONS, KILL: workers, whose rows come */
	uint32_t reserved;
	int64_t took_ms;
	char program[CONTROL_NAME_MAX]; /* the server's version */
	char text[CONTROL_TEXT_MAX];    /* status other than 0: why */
};

/* What a connection does. */
enum control_state {
	CONTROL_OPEN,
	CONTROL_CLOSING, /* its last replies are on their way */
	CONTROL_MOVING,  /* to another worker */
	CONTROL_STATE__COUNT
};

/* A connection. */
struct control_row {
	uint64_t id;
	uint64_t requests;       /* taken */
	uint64_t received, sent; /* bytes, ever */
	int64_t age_ms;
	int64_t quiet_ms;   /* since the last traffic */
	uint32_t in_flight; /* requests under way */
	uint32_t worker, generation;
	uint32_t service;      /* id in the segment */
	uint32_t state;        /* enum control_state */
	uint32_t counts_bytes; /* else they are unknown: a unix socket */
	uint32_t peer_size, reserved;
	struct sockaddr_storage peer; /* of a unix socket: no name */
};

/* A packet of rows. */
struct control_rows {
	uint16_t version;
	uint16_t count;
	uint32_t last; /* 1: its worker has no more */
	struct control_row rows[CONTROL_ROWS];
};

/*
 * Sends the SIZE bytes of DATA as one packet, with COUNT descriptors of FILES. Never waits if FD is
 * non-blocking. Returns 0, or -1 with errno.
 */
PF_MUST_CHECK int control_send(
	int fd, const void *data, size_t size, const int *files, size_t count);

/*
 * Receives one packet of at most SIZE bytes and up to CONTROL_FILES_MAX descriptors, which are
 * close-on-exec and the caller's; FILES are -1 from the number on that came. Returns the bytes, 0
 * at the end, or -1 with errno.
 */
ssize_t control_receive(int fd, void *data, size_t size, int files[static CONTROL_FILES_MAX]);

/* What a packet of COUNT rows takes. */
static inline size_t
control_rows_size(size_t count)
{
	return offsetof(struct control_rows, rows) + count * sizeof(struct control_row);
}

#endif
