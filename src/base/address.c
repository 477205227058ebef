#include <config.h>

#include "base/address.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOST_MAX = 512, /* bytes of a host and a port, with the end */
};

static const char expected[] =
	"expected \"ADDRESS:PORT\", \"[IPV6-ADDRESS]:PORT\" or \"unix:/PATH\"";

static int
parse_unix(struct address *address, const char *path, struct error *error)
{
	memset(address, 0, sizeof(*address));
	if (path[0] == '\0')
		return error_set(error, "\"unix:\" lacks a path: %s", expected);
	if (strlen(path) >= sizeof(address->un.sun_path))
		return error_set(error, "the path \"%s\" is too long: at most %zu bytes", path,
			sizeof(address->un.sun_path) - 1);
	address->un.sun_family = AF_UNIX;
	strlcpy(address->un.sun_path, path, sizeof(address->un.sun_path));
	address->size = sizeof(address->un);
	return 0;
}

/* Cuts "HOST:PORT" or "[HOST]:PORT" in two, within COPY. Returns 0, or -1. */
static int
split(char *copy, char **host, char **port)
{
	char *colon = strrchr(copy, ':');

	if (colon == NULL || colon[1] == '\0')
		return -1;
	*port = colon + 1;
	*colon = '\0';
	*host = copy;
	if (copy[0] != '[')
		return copy[0] == '\0' || strchr(copy, ':') != NULL ? -1 : 0;
	if (colon - copy < 3 || colon[-1] != ']')
		return -1;
	colon[-1] = '\0';
	*host = copy + 1;
	return 0;
}

/* The host and the port of TEXT, within COPY. */
static int
take_apart(
	const char *text, char copy[static HOST_MAX], char **host, char **port, struct error *error)
{
	const char *bad_port;

	if (strlcpy(copy, text, HOST_MAX) >= HOST_MAX || split(copy, host, port) != 0)
		return error_set(error, "\"%s\" is no address: %s", text, expected);
	strtonum(*port, 0, 65535, &bad_port);
	if (bad_port != NULL)
		return error_set(error, "\"%s\" is no port: expected 0 to 65535", *port);
	return 0;
}

static int
look_up(struct address *address, const char *text, int flags, struct error *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags };
	char copy[HOST_MAX], *host, *port;
	struct addrinfo *found;
	int failed;

	if (take_apart(text, copy, &host, &port, error) != 0)
		return -1;
	failed = getaddrinfo(host, port, &hints, &found);
	if (failed != 0 && (flags & AI_NUMERICHOST) != 0)
		return error_set(error, "\"%s\" is no IP address: %s", host, expected);
	if (failed != 0)
		return error_set(error, "cannot look up \"%s\": %s", host, gai_strerror(failed));

	memset(address, 0, sizeof(*address));
	memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
	address->size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int
parse(struct address *address, const char *text, int flags, struct error *error)
{
	if (strncmp(text, "unix:", strlen("unix:")) == 0)
		return parse_unix(address, text + strlen("unix:"), error);
	return look_up(address, text, flags, error);
}

int
address_parse(struct address *address, const char *text, struct error *error)
{
	return parse(address, text, AI_NUMERICHOST, error);
}

int
address_check(const char *text, struct error *error)
{
	char copy[HOST_MAX], *host, *port;
	struct address address;

	if (strncmp(text, "unix:", strlen("unix:")) == 0)
		return parse_unix(&address, text + strlen("unix:"), error);
	return take_apart(text, copy, &host, &port, error);
}

int
address_resolve(struct address *address, const char *text, struct error *error)
{
	return parse(address, text, 0, error);
}

bool
address_port_is_free(const struct address *address)
{
	switch (address->sa.sa_family) {
	case AF_INET:
		return address->in.sin_port == 0;
	case AF_INET6:
		return address->in6.sin6_port == 0;
	}
	return false;
}

void
address_print(const struct address *address, char text[static ADDRESS_TEXT_MAX])
{
	char host[64], port[8];

	if (address_is_unix(address)) {
		bool named = address->size > offsetof(struct sockaddr_un, sun_path);

		snprintf(text, ADDRESS_TEXT_MAX, "unix:%.*s", (int)sizeof(address->un.sun_path),
			named ? address->un.sun_path : "");
		return;
	}
	if (getnameinfo(&address->sa, address->size, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		strlcpy(text, "unknown", ADDRESS_TEXT_MAX);
		return;
	}
	snprintf(text, ADDRESS_TEXT_MAX, address->sa.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
		host, port);
}

void
address_print_peer(int fd, char text[static ADDRESS_TEXT_MAX])
{
	struct address peer = { .size = sizeof(peer.storage) };

	if (getpeername(fd, &peer.sa, &peer.size) == 0)
		address_print(&peer, text);
	else
		strlcpy(text, "unknown", ADDRESS_TEXT_MAX);
}
