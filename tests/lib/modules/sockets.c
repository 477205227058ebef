/*
 * A module for tests that answers each message with what the kernel has set for the sockets of the
 * worker's connections, a line each: "nodelay=1 keepalive=1 idle=30 interval=10 probes=3".
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <prefork/module.h>

enum {
	FDS = 256,
};

static const struct pf_api *api;

static int
init(const struct pf_api *given, struct pf_service *service)
{
	(void)service;
	api = given;
	return 0;
}

static int
option(int fd, int level, int name)
{
	socklen_t size = sizeof(int);
	int value;

	return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

static int
is_connection(int fd)
{
	return option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP &&
		option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 0;
}

static enum pf_verdict
message(struct pf_request *request)
{
	char text[4096] = "";
	struct pf_span part = { text, 0 };

	for (int fd = 0; fd < FDS; fd++) {
		size_t size = strlen(text);

		if (!is_connection(fd))
			continue;
		snprintf(text + size, sizeof(text) - size,
			"%snodelay=%d keepalive=%d idle=%d interval=%d probes=%d",
			size > 0 ? "\n" : "", option(fd, IPPROTO_TCP, TCP_NODELAY) != 0,
			option(fd, SOL_SOCKET, SO_KEEPALIVE), option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
			option(fd, IPPROTO_TCP, TCP_KEEPINTVL),
			option(fd, IPPROTO_TCP, TCP_KEEPCNT));
	}
	part.size = strlen(text);
	api->reply(request, &part, 1);
	return PF_CONTINUE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "sockets",
	.init = init,
	.message = message,
};
