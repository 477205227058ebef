/* Opens the connection. */
#ifndef CAT_CONNECT_H
#define CAT_CONNECT_H

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
 * Connects within TIMEOUT_MS. When done, *FD is a non-blocking, close-on-exec socket that the
 * caller closes; else the error says why.
 */
PF_MUST_CHECK enum connect_result connect_open(
	int *fd, const struct address *address, int64_t timeout_ms, struct error *error);

#endif
