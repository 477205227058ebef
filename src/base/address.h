/*
 * Where to listen or to connect: "127.0.0.1:9000", "[::1]:9000", "unix:/run/x.sock".
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/compiler.h"
#include "base/error.h"

enum {
	ADDRESS_TEXT_MAX = 128, /* bytes of an address as text, with its end */
};

struct address {
	socklen_t size;
	union {
		struct sockaddr sa;
		struct sockaddr_storage storage;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

/*
 * Reads TEXT, an IP address (IPv6 in brackets) and a port, or "unix:" and a path. No name is
 * looked up. Returns 0, or -1 with an error that says what would be right.
 */
PF_MUST_CHECK int address_parse(struct address *address, const char *text, struct error *error);

/* Whether TEXT has the form of an address, its host being a name or a number. Returns 0, or -1. */
PF_MUST_CHECK int address_check(const char *text, struct error *error);

/*
 * The same for a client: the host may be a name, which getaddrinfo(3) looks up; the first address
 * found is taken. May block.
 */
PF_MUST_CHECK int address_resolve(struct address *address, const char *text, struct error *error);

/* Writes the address as text that address_parse reads; "unix:" alone for an unnamed socket. */
void address_print(const struct address *address, char text[static ADDRESS_TEXT_MAX]);

/* Whether the kernel is to choose the port: it is 0. */
bool address_port_is_free(const struct address *address);

/* Who is connected to FD, as text; "unknown" if that cannot be told. */
void address_print_peer(int fd, char text[static ADDRESS_TEXT_MAX]);

/* Whether the address is a path in the file system. */
static inline bool
address_is_unix(const struct address *address)
{
	return address->sa.sa_family == AF_UNIX;
}

#endif
