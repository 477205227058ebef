#include <config.h>

#include "base/host.h"

#include <arpa/inet.h>
#include <string.h>

enum {
	IPV4_OFFSET = 12, /* where the IPv4 address begins */
};

static const uint8_t mapped[IPV4_OFFSET] = { [10] = 0xff, [11] = 0xff };

static void
map(struct host *host, const struct in_addr *ipv4)
{
	memcpy(host->bytes, mapped, IPV4_OFFSET);
	memcpy(host->bytes + IPV4_OFFSET, ipv4, sizeof(*ipv4));
}

bool
host_of(struct host *host, const struct address *address)
{
	switch (address->sa.sa_family) {
	case AF_INET:
		map(host, &address->in.sin_addr);
		return true;
	case AF_INET6:
		memcpy(host->bytes, &address->in6.sin6_addr, sizeof(host->bytes));
		return true;
	}
	return false;
}

int
host_parse(struct host *host, const char *text)
{
	struct in_addr ipv4;

	if (inet_pton(AF_INET, text, &ipv4) == 1) {
		map(host, &ipv4);
		return 0;
	}
	return inet_pton(AF_INET6, text, host->bytes) == 1 ? 0 : -1;
}

bool
host_is_ipv4(const struct host *host)
{
	return memcmp(host->bytes, mapped, IPV4_OFFSET) == 0;
}
