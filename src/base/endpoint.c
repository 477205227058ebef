#include <config.h>

#include "base/endpoint.h"

#include <string.h>

#include "base/address.h"

#define SCHEME "http://"
#define EXPECTED \
	"expected \"http://ADDRESS:PORT/PATH\", such as \"http://127.0.0.1:4318/v1/traces\""

/* What stands in a request's first line. */
static bool
is_path(const char *text)
{
	if (*text != '/')
		return false;
	while (*text > ' ' && *text < 0x7f && *text != '#')
		text++;
	return *text == '\0';
}

static int
take_address(struct endpoint *endpoint, struct error *error)
{
	struct address address;
	char *colon;

	if (address_parse(&address, endpoint->authority, error) != 0 || address_is_unix(&address) ||
		address_port_is_free(&address))
		return error_set(error, "\"%s\" is no IP address with a port: " EXPECTED,
			endpoint->authority);
	endpoint->port = ntohs(
		address.sa.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
	strlcpy(endpoint->host, endpoint->authority + (endpoint->authority[0] == '['),
		sizeof(endpoint->host));
	colon = strrchr(endpoint->host, ':');
	colon[colon[-1] == ']' ? -1 : 0] = '\0';
	return 0;
}

int
endpoint_parse(struct endpoint *endpoint, const char *text, struct error *error)
{
	size_t size;

	if (strlen(text) >= ENDPOINT_MAX)
		return error_set(error, "is too long; expected at most %d bytes", ENDPOINT_MAX - 1);
	if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
		return error_set(error, "\"%s\" is no place for traces: " EXPECTED, text);
	text += strlen(SCHEME);
	size = strcspn(text, "/");
	endpoint->path = text + size;
	if (size >= sizeof(endpoint->authority) || !is_path(endpoint->path))
		return error_set(error, "\"" SCHEME "%s\" is no place for traces: " EXPECTED, text);
	memcpy(endpoint->authority, text, size);
	endpoint->authority[size] = '\0';
	return take_address(endpoint, error);
}
