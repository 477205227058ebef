/*
 * Connections change hands, from a worker that retires to one that serves: what goes over sockets.
 *
 * Each generation has an inbox, a pair of SEQPACKET sockets. All its workers have the end from
 *which is taken; who retires gets the other one. Then, for up to CONVERSATION_CREDITS connections:
 *
 *	giver                                    taker
 *	offer: one end of a new STREAM pair
 *	       into the inbox                    accept: a worker that has less than its share
 *	                                         GRANT: how many may come
 *	PARCEL: a record and the socket          checks, restores, counts in its slot
 *	                                         MOVED, and serves; or REFUSED, why
 *	MOVED: uncounts, closes
 *	REFUSED: goes on with it, and drains
 *	shuts its side                           answers what is left, closes
 *	end of file: what has no answer stays
 *
 * While a connection is on its way nobody touches its socket. If either side dies, the kernel keeps
 * what it had sent before: that is why these are STREAM sockets, for a SEQPACKET socket whose peer
 * is gone forgets it. Both ends are non-blocking.
 */
#ifndef WORKER_CONVERSATION_H
#define WORKER_CONVERSATION_H

#include <stdint.h>

#include "base/compiler.h"
#include "process/record.h"

enum {
	CONVERSATION_CREDITS = 32, /* connections that one may bring */
};

/* Why a connection stays. */
enum refusal_to_take {
	TAKE_NONE,
	TAKE_MODULE_KEEPS, /* the giver's module: it cannot move */
	TAKE_NO_SERVICE,
	TAKE_FRAMING,
	TAKE_MODULE,
	TAKE_FORMAT,  /* of what the module saves */
	TAKE_REFUSED, /* by the module's restore */
	TAKE_NO_DESCRIPTOR,
	TAKE_NO_MEMORY,
	TAKE_JUNK,   /* the record could not be read */
	TAKE_NOBODY, /* there is no worker that takes it */
	TAKE_DIED,   /* workers that were asked to take some are gone */
	TAKE_FATAL,  /* two of them were to take this one next */
	TAKE__COUNT
};

/* A word for the reason, for logs. */
const char *conversation_reason(enum refusal_to_take reason);

enum answer_kind {
	ANSWER_GRANT, /* value: how many connections may come */
	ANSWER_MOVED,
	ANSWER_REFUSED, /* value: enum refusal_to_take */
};

struct answer {
	uint32_t kind;
	uint32_t value;
	uint64_t id; /* of the connection */
};

/* A connection on its way. */
struct parcel {
	struct record_head head;
	int fd;             /* the client's socket; -1: it did not arrive */
	struct span fields; /* within memory */
	char *memory;       /* NULL: in a buffer of the caller's */
};

enum {
	PARCEL_INLINE = 4096, /* bytes of fields; more goes in a file */
};

/* Giver: offers a conversation. Returns its descriptor, or -1 with errno: EAGAIN, try later. */
int conversation_offer(int inbox);

/* Giver: sends a connection, whose socket is FD. Returns 0, or -1 with errno: EAGAIN, try later. */
PF_MUST_CHECK int conversation_send(
	int conversation, const struct record *record, uint64_t id, int fd);

/* Giver: the next answer. Returns 1; 0 at the end; -1 with errno, EAGAIN: none yet. */
int conversation_next_answer(int conversation, struct answer *answer);

/* Taker: the next conversation of the inbox. Returns its descriptor, or -1 with errno. */
int conversation_accept(int inbox);

/* Taker: says ANSWER. Returns 0, or -1 with errno. */
PF_MUST_CHECK int conversation_answer(int conversation, const struct answer *answer);

/*
 * Taker: the next connection; BUFFER, of PARCEL_INLINE bytes, may be where its fields are. Returns
 * 1, and parcel_drop is to follow; 0 at the end; -1 with errno, EAGAIN: none yet. Of one whose head
 * alone could be read, `fields` has no data.
 */
int conversation_receive(int conversation, struct parcel *parcel, char *buffer);

/* Closes and frees what nobody has taken out of PARCEL. */
void parcel_drop(struct parcel *parcel);

#endif
