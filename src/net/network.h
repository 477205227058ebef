/*
 * What the connections of one worker share: its loop, the buffers that are lent to whichever
 * connection is being served, their list, deadlines and ids, and the places they hold.
 */
#ifndef NET_NETWORK_H
#define NET_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/log.h"
#include "net/connections.h"
#include "net/deadline.h"
#include "net/refusal.h"
#include "process/loop.h"
#include "segment/ids.h"
#include "segment/segment.h"

struct connection;
struct connection_ops;

enum {
	/* Read at once: 64 KiB of payload and what frames them, so that one read takes it whole. */
	NETWORK_SCRATCH = 68 * 1024,
	NETWORK_GATHER_COPY = 64 * 1024,
	NETWORK_GATHER_PARTS = 128,
};

/* Output of the connection being served, until its flush: parts in order, some of them in copy. */
struct gather {
	struct connection *owner; /* NULL: empty */
	struct iovec parts[NETWORK_GATHER_PARTS];
	int count;
	size_t lent;   /* bytes in parts that are not in copy */
	size_t copied; /* bytes used of copy */
	size_t sealed; /* of these, those that stand in parts: what follows grows yet */
	char copy[NETWORK_GATHER_COPY];
};

STAILQ_HEAD(connection_list, connection);

struct network {
	struct loop *loop;
	struct segment *segment;
	struct ids ids;
	struct deadlines deadlines;
	const struct connection_ops *ops; /* of the owner of every connection */
	struct connections connections;
	struct connection_list closed; /* at the end of the turn their owner hears of it */
	size_t open_count;
	/* What clients can provoke is logged at a bounded rate, each kind for itself. */
	struct log_limit refusal_limits[REFUSAL__COUNT];
	struct log_limit protocol_limit;
	struct log_limit too_big_limit;
	struct log_limit accept_limit;
	struct gather gather;
	char *scratch; /* NETWORK_SCRATCH bytes to read into; NULL: an owner has taken it */
};

/* Makes the network of slot INDEX. NULL with the reason if it cannot. */
struct network *network_open(struct loop *loop, struct segment *segment, unsigned index,
	const struct connection_ops *ops, struct error *error) PF_MUST_CHECK;

/* Frees it; every connection must be closed. */
void network_close(struct network **network);

/* Whether a line about a client refused for this reason may be logged now. */
bool network_may_log_refusal(struct network *network, enum refusal refusal);

/* Says how many log lines of each kind were held back, once their second is over. */
void network_report_held(struct network *network);

/* Tells the owners of the connections that were closed in this turn. At the end of each turn. */
void network_sweep(struct network *network);

#endif
