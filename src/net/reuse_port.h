/* Which socket of a SO_REUSEPORT group gets the next connection. */
#ifndef NET_REUSE_PORT_H
#define NET_REUSE_PORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

/*
 * Steers new connections of the group that FD is in to the sockets of which OPEN says true, COUNT
 * of them, in the order in which they were bound; at least one is. Evenly, at random. Returns 0, or
 * -1 with errno.
 */
PF_MUST_CHECK int reuse_port_steer(int fd, const bool *open, size_t count);

#endif
