/*
 * A reply that is kept until its turn: made on any thread, sent by the loop. What lies in the
 * request's message or in reserved memory stays where it is, the rest is copied.
 */
#ifndef DISPATCH_REPLY_H
#define DISPATCH_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <prefork/module.h>

#include "base/compiler.h"

enum {
	REPLY_PARTS = 4,
	REPLY_SMALL = 64, /* bytes copied without an allocation */
};

struct reply_block;

/* All zero but for `parts` and `small` is a valid empty one. */
struct reply {
	struct reply_block *blocks; /* reserved memory, and copies that are not small */
	size_t size; /* of all parts; also of what the framing cannot carry, for the log */
	unsigned count;
	struct pf_span parts[REPLY_PARTS];
	char small[REPLY_SMALL];
};

/* SIZE bytes that live as long as the reply, or NULL. */
void *reply_reserve(struct reply *reply, size_t size);

/* Whether DATA lies in memory from reply_reserve. */
bool reply_has(const struct reply *reply, const void *data, size_t size);

/*
 * Makes the reply of COUNT spans, of which those within MESSAGE live long enough. Returns 0, or -1
 * without memory.
 */
PF_MUST_CHECK int reply_fill(struct reply *reply, const struct pf_span *message,
	const struct pf_span *parts, size_t count);

/* Frees its memory. */
void reply_clear(struct reply *reply);

#endif
