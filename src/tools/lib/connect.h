/* Opens connections. */
#ifndef LIB_CONNECT_H
#define LIB_CONNECT_H

#include <stdint.h>

#include "base/address.h"
#include "base/compiler.h"
#include "base/error.h"

enum connect_result {
	CONNECT_DONE,
	CONNECT_FAILED,
	CONNECT_RESET, /* it came about, and the server reset it before it could be used */
};

/*
 * Makes a non-blocking, close-on-exec socket to connect to ADDRESS, which sends what it is given at
 * once. Of TCP it is bound to SOURCE, an address without a port, if that is not NULL: the kernel
 * chooses the port when the peer is known, ip(7), so that ports are used up for each peer apart.
 * Returns it, or -1 with errno; the caller closes it. Any thread.
 */
PF_MUST_CHECK int connect_socket(const struct address *address, const struct address *source);

/*
 * Connects within TIMEOUT_MS. When done, *FD is a non-blocking, close-on-exec socket that the
 * caller closes; else the error says why.
 */
PF_MUST_CHECK enum connect_result connect_open(
	int *fd, const struct address *address, int64_t timeout_ms, struct error *error);

#endif
