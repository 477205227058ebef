/*
 * An IP address without its port, so that addresses can be compared and counted. An IPv4 one is
 * kept as IPv4-mapped (RFC 4291, 2.5.5.2): the same host is the same, however it came.
 */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/compiler.h"

struct host {
	uint8_t bytes[16];
};

/* The host of ADDRESS. Returns false for a unix socket, which has none. */
PF_MUST_CHECK bool host_of(struct host *host, const struct address *address);

/* Reads TEXT, an IPv4 or IPv6 address alone. Returns 0, or -1. */
PF_MUST_CHECK int host_parse(struct host *host, const char *text);

bool host_is_ipv4(const struct host *host);

#endif
