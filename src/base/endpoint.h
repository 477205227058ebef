/* Where traces go: "http://127.0.0.1:4318/v1/traces". */
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

enum {
	ENDPOINT_MAX = 256,     /* bytes of one as text, with its end */
	ENDPOINT_HOST_MAX = 64, /* of a numeric address */
};

/* Borrows the text that it was read from. */
struct endpoint {
	char host[ENDPOINT_HOST_MAX];      /* without brackets */
	char authority[ENDPOINT_HOST_MAX]; /* as the text has it, with the port */
	uint16_t port;
	const char *path; /* from its slash on */
};

/*
 * Reads TEXT. The host is a number, for nobody looks names up: the master reads nothing from a
 * network, and the process that connects may be in a chroot. Returns 0, or -1 with an error that
 * says what would be right.
 */
PF_MUST_CHECK int endpoint_parse(struct endpoint *endpoint, const char *text, struct error *error);

#endif
