/* Unix sockets have a name that outlives them: taking it over without a moment without a socket. */
#ifndef NET_UNIX_SOCKET_H
#define NET_UNIX_SOCKET_H

#include <stdbool.h>

#include "base/address.h"
#include "base/compiler.h"
#include "base/error.h"

/*
 * Binds FD to a temporary name and renames that to ADDRESS's path, so that the path always names a
 * socket that answers. Only a socket is ever replaced, and one that answers connect(2) only if
 * LOCKED. Returns 0, or -1 with the reason, and EADDRINUSE in errno if somebody else has it.
 */
PF_MUST_CHECK int unix_socket_bind(
	int fd, const struct address *address, bool locked, struct error *error);

#endif
