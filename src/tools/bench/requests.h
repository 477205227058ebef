/* The way out of a connection: runs of frames of the payload, as the socket takes them. */
#ifndef BENCH_REQUESTS_H
#define BENCH_REQUESTS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "tools/bench/payload.h"

struct requests {
	size_t next;   /* the frame of the payload that is to be sent, or the rest of it */
	size_t offset; /* bytes of it that are sent */
	size_t count;  /* frames to be sent, with it */
};

/*
 * Sends what FD takes, with one call for a whole run. Returns the bytes that it took, or -1 with
 * errno if it took none: EAGAIN, if there is no room.
 */
PF_MUST_CHECK ssize_t requests_send(
	struct requests *requests, const struct payload *payload, int fd);

#endif
