#include <config.h>

#include "net/listen_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/unix_socket.h"

enum {
	KEEPALIVE_PROBES = 3, /* together they take as long as the wait for the first */
};

static int
set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static int
set_keepalive(int fd, int64_t idle_ms)
{
	int idle_s = (int)(idle_ms / 1000), interval_s = idle_s / KEEPALIVE_PROBES;

	if (idle_s == 0)
		return set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
	if (interval_s == 0)
		interval_s = 1;
	if (set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) != 0 ||
		set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s) != 0 ||
		set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s) != 0)
		return -1;
	return set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

/* Accepted sockets inherit what is set here, so that each one is spared the system calls. */
static int
set_tcp_options(int fd, const struct config_service *service)
{
	if (set_option(fd, IPPROTO_TCP, TCP_NODELAY, service->tcp_nodelay) != 0)
		return -1;
	return set_keepalive(fd, service->tcp_keepalive_ms);
}

static int
bind_tcp(int fd, const struct address *address, bool reuse_port, struct error *error)
{
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 ||
		set_option(fd, SOL_SOCKET, SO_REUSEPORT, reuse_port) != 0)
		return error_errno(error, "cannot set socket options");
	if (address->sa.sa_family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0)
		return error_errno(error, "cannot set socket options");
	if (bind(fd, &address->sa, address->size) != 0)
		return error_errno(error, "cannot bind");
	return 0;
}

static int
make_socket(const struct address *address, struct error *error)
{
	int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 ? fd : error_errno(error, "cannot make a socket");
}

/*
 * Another server of the same user that has SO_REUSEPORT would let us into its group, and each would
 * get a part of the other's clients.
 */
static int
check_free(const struct address *address, struct error *error)
{
	int fd = make_socket(address, error), failed;

	if (fd < 0)
		return -1;
	failed = bind_tcp(fd, address, false, error);
	fd_close(&fd);
	return failed;
}

static int
bind_listener(int fd, struct listener *listener, const struct config_service *service,
	struct error *error)
{
	struct address *address = &listener->address;

	if (listener->reuse_port && listener->socket_count == 0 && check_free(address, error) != 0)
		return -1;
	if (bind_tcp(fd, address, listener->reuse_port, error) != 0)
		return -1;
	if (set_tcp_options(fd, service) != 0)
		return error_errno(error, "cannot set socket options");
	if (getsockname(fd, &address->sa, &address->size) != 0)
		return error_errno(error, "cannot get its address");
	return 0;
}

static int
bind_socket(int fd, struct listener *listener, const struct config_service *service, bool locked,
	struct error *error)
{
	struct unix_socket_access access;
	struct stat st;

	if (!address_is_unix(&listener->address))
		return bind_listener(fd, listener, service, error);
	if (unix_socket_access(&access, service, error) != 0 ||
		unix_socket_bind(fd, &listener->address, &access, locked, error) != 0)
		return -1;
	if (lstat(listener->address.un.sun_path, &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
	}
	return 0;
}

int
listen_socket_open(struct listener *listener, const struct config_service *service, bool locked,
	struct error *error)
{
	int fd = make_socket(&listener->address, error);

	if (fd < 0)
		return -1;
	if (bind_socket(fd, listener, service, locked, error) == 0) {
		if (listen(fd, (int)service->backlog) == 0)
			return fd;
		error_errno(error, "cannot listen");
	}
	fd_close(&fd);
	return -1;
}

int
listen_socket_set(int fd, const struct listener *listener, const struct config_service *service)
{
	if (listen(fd, (int)service->backlog) != 0)
		return -1;
	return address_is_unix(&listener->address) ? 0 : set_tcp_options(fd, service);
}
