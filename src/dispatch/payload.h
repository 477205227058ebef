/*
 * Memory for the messages of one read, shared by the requests that are made of them: a message
 * that is handled later cannot stay in the buffer of the network. Loop only, but for its bytes.
 */
#ifndef DISPATCH_PAYLOAD_H
#define DISPATCH_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct payload {
	unsigned refs;
	const char *data;
	char *memory; /* in which that is, if not right behind */
};

/* A copy of BYTES, with one reference, or NULL without memory. */
struct payload *payload_copy(struct span bytes);

/*
 * BYTES where they are, with one reference, or NULL without memory. What the caller puts into
 * `memory` is freed with the last reference.
 */
struct payload *payload_around(struct span bytes);

void payload_ref(struct payload *payload);

/* Frees it with the last reference. NULL is accepted. */
void payload_unref(struct payload **payload);

#endif
