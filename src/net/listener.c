#include <config.h>

#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
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
		return 0;
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
	if (service->tcp_nodelay && set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) != 0)
		return -1;
	return set_keepalive(fd, service->tcp_keepalive_ms);
}

static int
bind_tcp(int fd, const struct address *address, const struct config_service *service,
	struct error *error)
{
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 || set_tcp_options(fd, service) != 0)
		return error_errno(error, "cannot set socket options");
	if (address->sa.sa_family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0)
		return error_errno(error, "cannot set socket options");
	if (bind(fd, &address->sa, address->size) != 0)
		return error_errno(error, "cannot bind");
	return 0;
}

static int
bind_socket(int fd, struct listener *listener, const struct config_service *service, bool locked,
	struct error *error)
{
	struct stat st;

	if (!address_is_unix(&listener->address)) {
		if (bind_tcp(fd, &listener->address, service, error) != 0)
			return -1;
		if (getsockname(fd, &listener->address.sa, &listener->address.size) != 0)
			return error_errno(error, "cannot get its address");
		return 0;
	}
	if (unix_socket_bind(fd, &listener->address, locked, error) != 0)
		return -1;
	if (lstat(listener->address.un.sun_path, &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
	}
	return 0;
}

/* Returns the socket, or -1 with the reason. */
static int
open_socket(struct listener *listener, const struct config_service *service, bool locked,
	struct error *error)
{
	int fd = socket(
		listener->address.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return error_errno(error, "cannot make a socket");
	if (bind_socket(fd, listener, service, locked, error) == 0) {
		if (listen(fd, (int)service->backlog) == 0)
			return fd;
		error_errno(error, "cannot listen");
	}
	close(fd);
	return -1;
}

static int
open_one(struct listeners *listeners, const struct config *config, size_t service, const char *text,
	bool locked, struct error *error)
{
	struct listener listener = { 0 };
	int fd = -1;

	if (address_parse(&listener.address, text, error) == 0)
		fd = open_socket(&listener, &config->services[service], locked, error);
	if (fd < 0)
		return error_prefix(error,
			"service \"%s\": cannot listen on \"%s\": ", config->services[service].name,
			text);
	listeners->items[listeners->count] = listener;
	listeners->sockets[listeners->count] =
		(struct inherited_listener){ .fd = fd, .service = service };
	listeners->count++;
	return 0;
}

static size_t
count_addresses(const struct config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->service_count; i++)
		count += config->services[i].listen.count;
	return count;
}

static int
open_all(struct listeners *listeners, const struct config *config, bool locked, struct error *error)
{
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_strings *listen = &config->services[i].listen;

		for (size_t j = 0; j < listen->count; j++) {
			if (open_one(listeners, config, i, listen->items[j], locked, error) != 0)
				return -1;
		}
	}
	return 0;
}

int
listeners_open(
	struct listeners *listeners, const struct config *config, bool locked, struct error *error)
{
	size_t count = count_addresses(config);

	*listeners = (struct listeners){
		.items = calloc(count, sizeof(listeners->items[0])),
		.sockets = calloc(count, sizeof(listeners->sockets[0])),
	};
	if (listeners->items == NULL || listeners->sockets == NULL)
		error_errno(error, "cannot make the listeners");
	else if (open_all(listeners, config, locked, error) == 0)
		return 0;
	listeners_close(listeners);
	return -1;
}

static void
remove_path(const struct listener *listener)
{
	const char *path = listener->address.un.sun_path;
	struct stat st;

	if (lstat(path, &st) == 0 && st.st_dev == listener->device && st.st_ino == listener->inode)
		unlink(path);
}

void
listeners_close(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		if (address_is_unix(&listeners->items[i].address))
			remove_path(&listeners->items[i]);
		fd_close(&listeners->sockets[i].fd);
	}
	free(listeners->items);
	free(listeners->sockets);
	*listeners = (struct listeners){ 0 };
}
