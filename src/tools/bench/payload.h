/*
 * What is sent: frames that are made once and stand in memory one behind the other, so that any
 * run of them is one write. Each connection sends them in this order, over and over; so what a
 * reply has to be follows from its number. Immutable once made: all threads read it.
 */
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/span.h"
#include "tools/bench/sizes.h"
#include "tools/lib/framing.h"

struct payload {
	char *block;
	size_t *starts; /* of each frame in the block, and where the last one ends */
	size_t count;
};

/*
 * Makes frames of such SIZES: at least AT_ONCE, unless they would take too much memory.
 * Returns 0, or -1 with the reason; payload_free frees in both cases.
 */
PF_MUST_CHECK int payload_make(struct payload *payload, struct sizes *sizes,
	const struct framing *framing, size_t at_once, struct error *error);

void payload_free(struct payload *payload);

static inline struct span
payload_frame(const struct payload *payload, size_t number)
{
	size_t start = payload->starts[number];

	return (struct span){ payload->block + start, payload->starts[number + 1] - start };
}

#endif
