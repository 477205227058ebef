/* How large messages are: "64", "64-4K", "exp:512" (its mean), or "file:PATH" (one a line). */
#ifndef BENCH_SIZES_H
#define BENCH_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

enum sizes_kind {
	SIZES_FIXED,
	SIZES_RANGE, /* each size of it as often */
	SIZES_EXPONENTIAL,
	SIZES_LIST,
};

struct sizes {
	enum sizes_kind kind;
	size_t least, most; /* of a fixed size both; of an exponential distribution the bounds */
	double mean;        /* SIZES_EXPONENTIAL */
	size_t *list;       /* SIZES_LIST: count of them; owned */
	size_t count;
	uint64_t state; /* of the random numbers: the same sizes come in each run */
};

/*
 * Reads TEXT; no size is over MOST bytes. Returns 0, or -1 with the reason; only after 0
 * sizes_free is needed.
 */
PF_MUST_CHECK int sizes_parse(
	struct sizes *sizes, const char *text, size_t most, struct error *error);

void sizes_free(struct sizes *sizes);

/* The size of message NUMBER, which counts from 0: calls go in order. */
size_t sizes_next(struct sizes *sizes, size_t number);

#endif
