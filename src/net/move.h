/*
 * How a connection leaves this process for another one, and arrives: its state, without its socket.
 * Loop only.
 *
 *	OPEN --move_begin--> MOVING --move_end-----> CLOSED here, and served there
 *	  ^                     |
 *	  +-----move_undo-------+
 */
#ifndef NET_MOVE_H
#define NET_MOVE_H

#include <stdbool.h>

#include "net/connection.h"
#include "process/record.h"

/*
 * Whether nothing is under way that holds it here; BUSY: the owner has something. One that is held
 * is not read from now on, so that it can move as soon as that is over.
 */
bool move_is_possible(struct connection *connection, bool busy);

/* Other threads find it no more: what they have sent before is to be taken before move_begin. */
void move_prepare(struct connection *connection);

/* Leaves the socket alone from now on and writes its state to RECORD. */
void move_begin(struct connection *connection, struct record *record);

/* The other process has it. */
void move_end(struct connection *connection);

/* It stays. The connection goes on where it was, and may be closed by that. */
void move_undo(struct connection *connection);

/*
 * The other side: sets up CONNECTION, zeroed memory, from FIELDS, with the id that it had, as
 * connection_open does. The socket is left alone until move_arrived. Returns 0, or -1 without
 * memory, and nothing is taken.
 */
PF_MUST_CHECK int move_restore(struct connection *connection, struct network *network, int fd,
	struct admission_place place, const struct config_service *limits, uint64_t id,
	const struct record_field *fields);

/* It is this process's now: goes on with it. May close it. */
void move_arrived(struct connection *connection);

/* What connection.c has for this: to open one with an ID, which waits for nothing yet... */
void connection_adopt(struct connection *connection, struct network *network, int fd,
	struct admission_place place, const struct config_service *limits, uint64_t id);

/* ...and to make one MOVING, which waits for nothing any more. */
void connection_let_go(struct connection *connection);

#endif
