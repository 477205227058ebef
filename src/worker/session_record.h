/* A session as a record: what the worker that takes it has to know besides the connection. */
#ifndef WORKER_SESSION_RECORD_H
#define WORKER_SESSION_RECORD_H

#include "process/record.h"
#include "worker/conversation.h"
#include "worker/session.h"

/* Whether it can move at all, as far as can be told without asking the module. */
bool session_can_move(const struct session *session);

/*
 * Writes the session of a connection that can move to RECORD, its connection included, and leaves
 * its socket alone from now on: see move.h. On a refusal it goes on, and may be closed by that.
 */
enum refusal_to_take session_save(struct session *session, struct record *record);

/*
 * Makes a session with one of the SERVICES from PARCEL, whose descriptor it takes, and counts it.
 * move_arrived is to follow. On a refusal *SESSION is NULL.
 */
enum refusal_to_take session_restore(struct session **session, struct network *network,
	struct service *services, size_t count, struct parcel *parcel);

#endif
