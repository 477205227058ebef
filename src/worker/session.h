/*
 * One client's conversation: joins its connection, its service's framing and module.
 * The only place that knows both net/ and dispatch/.
 */
#ifndef WORKER_SESSION_H
#define WORKER_SESSION_H

#include "dispatch/service.h"
#include "net/connection.h"

/*
 * Begins a session with SERVICE on the socket FD, which was granted PLACE. Takes both; without
 * memory the client is closed and the place given back.
 */
void session_open(
	struct network *network, int fd, struct admission_place place, struct service *service);

#endif
