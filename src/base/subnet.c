#include <config.h>

#include "base/subnet.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOST_BITS = 8 * sizeof(struct host),
	IPV4_BITS = 32,
	TEXT_MAX = INET6_ADDRSTRLEN + sizeof("/128"),
};

/* Reads what stands behind the slash, at most MOST bits. */
static int
parse_bits(const char *text, unsigned most, unsigned *bits, struct error *error)
{
	const char *bad = NULL;

	*bits = (unsigned)strtonum(text, 0, most, &bad);
	if (bad == NULL && isdigit((unsigned char)text[0]))
		return 0;
	return error_set(
		error, "\"%.64s\" is no length of a network; expected 0 to %u", text, most);
}

/* HOST as its user would write it. */
static const char *
print_host(const struct host *host, char text[static INET6_ADDRSTRLEN])
{
	if (host_is_ipv4(host))
		return inet_ntop(AF_INET, host->bytes + sizeof(host->bytes) - IPV4_BITS / 8, text,
			INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, host->bytes, text, INET6_ADDRSTRLEN);
}

/* Bits that do not count may be a slip in the address or in the length: only one is meant. */
static int
check_rest(const struct subnet *subnet, const char *text, struct error *error)
{
	struct host masked = subnet_mask(&subnet->host, subnet->bits);
	unsigned bits = subnet->bits;
	char host[INET6_ADDRSTRLEN];

	if (memcmp(&masked, &subnet->host, sizeof(masked)) == 0)
		return 0;
	if (host_is_ipv4(&masked))
		bits -= HOST_BITS - IPV4_BITS;
	return error_set(error, "\"%s\" has bits set behind its length; expected \"%s/%u\"", text,
		print_host(&masked, host), bits);
}

int
subnet_parse(struct subnet *subnet, const char *text, struct error *error)
{
	unsigned most = strchr(text, ':') != NULL ? HOST_BITS : IPV4_BITS, bits = most;
	char copy[TEXT_MAX];
	bool fits = strlcpy(copy, text, sizeof(copy)) < sizeof(copy);
	char *slash = strchr(copy, '/');

	if (slash != NULL)
		*slash = '\0';
	if (!fits || host_parse(&subnet->host, copy) != 0)
		return error_set(error,
			"\"%.64s\" is no network; expected an IP address, or one with a length, "
			"as in \"10.0.0.0/8\" or \"2001:db8::/32\"",
			text);
	if (slash != NULL && parse_bits(slash + 1, most, &bits, error) != 0)
		return error_prefix(error, "\"%s\": ", text);
	subnet->bits = (uint8_t)(HOST_BITS - most + bits);
	return check_rest(subnet, text, error);
}

struct host
subnet_mask(const struct host *host, unsigned bits)
{
	struct host masked = { 0 };

	memcpy(masked.bytes, host->bytes, bits / 8);
	if (bits % 8 > 0)
		masked.bytes[bits / 8] = (uint8_t)(host->bytes[bits / 8] & 0xff << (8 - bits % 8));
	return masked;
}

static bool
is_ipv4(const struct subnet *subnet)
{
	return subnet->bits >= HOST_BITS - IPV4_BITS && host_is_ipv4(&subnet->host);
}

bool
subnet_has(const struct subnet *subnet, const struct host *host)
{
	struct host masked = subnet_mask(host, subnet->bits);

	return is_ipv4(subnet) == host_is_ipv4(host) &&
		memcmp(&masked, &subnet->host, sizeof(masked)) == 0;
}
