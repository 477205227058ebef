/* One socket of a listener: made, bound, with the options of its service. */
#ifndef NET_LISTEN_SOCKET_H
#define NET_LISTEN_SOCKET_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "net/listener.h"

/*
 * Makes a socket that listens on the address of LISTENER, which is then what was bound. LOCKED: as
 * in struct listeners. Returns it, or -1 with the reason, and with errno from bind(2).
 */
PF_MUST_CHECK int listen_socket_open(struct listener *listener,
	const struct config_service *service, bool locked, struct error *error);

/*
 * Sets what SERVICE says of backlog and accepted sockets, also on a socket that listens already.
 * Returns 0, or -1 with errno.
 */
PF_MUST_CHECK int listen_socket_set(
	int fd, const struct listener *listener, const struct config_service *service);

#endif
