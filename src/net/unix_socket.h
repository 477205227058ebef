/*
 * Unix sockets have a name that outlives them: taking it over without a moment without a socket, or
 * with one that more may connect to than are to.
 */
#ifndef NET_UNIX_SOCKET_H
#define NET_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/address.h"
#include "base/compiler.h"
#include "base/error.h"
#include "config/service.h"

/* Who may connect. */
struct unix_socket_access {
	mode_t mode;
	uid_t user;
	gid_t group;
};

/*
 * What `socket_mode`, `socket_user` and `socket_group` of SERVICE mean. Returns 0, or -1 with an
 * error that names the option.
 */
PF_MUST_CHECK int unix_socket_access(struct unix_socket_access *access,
	const struct config_service *service, struct error *error);

/*
 * Binds FD to a temporary name and renames that to ADDRESS's path, so that the path always names a
 * socket that answers. Only a socket is ever replaced, and one that answers connect(2) only if
 * LOCKED. At no moment may anybody connect whom ACCESS does not let. Returns 0, or -1 with the
 * reason, and EADDRINUSE in errno if somebody else has it.
 */
PF_MUST_CHECK int unix_socket_bind(int fd, const struct address *address,
	const struct unix_socket_access *access, bool locked, struct error *error);

/* Gives the socket at PATH, in which nobody may have meddled, other access. As unix_socket_bind. */
PF_MUST_CHECK int unix_socket_give(
	const char *path, const struct unix_socket_access *access, struct error *error);

#endif
