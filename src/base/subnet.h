/*
 * A network of hosts that share the first bits of their address: "10.0.0.0/8", "2001:db8::/32".
 * A network of IPv6 holds no IPv4 host, not even "::/0".
 */
#ifndef BASE_SUBNET_H
#define BASE_SUBNET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/host.h"

struct subnet {
	struct host host; /* the bits behind the first BITS are 0 */
	uint8_t bits;     /* of an IPv4 network 96 more than it says: see host.h */
};

/*
 * Reads TEXT, an address and "/" and a length, or an address alone, which is a network of one.
 * Returns 0, or -1 with an error that says what would be right.
 */
PF_MUST_CHECK int subnet_parse(struct subnet *subnet, const char *text, struct error *error);

bool subnet_has(const struct subnet *subnet, const struct host *host);

/* HOST without what follows its first BITS. */
struct host subnet_mask(const struct host *host, unsigned bits);

#endif
