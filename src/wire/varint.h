/*
 * Numbers in base 128, as Protocol Buffers have them (LEB128): seven bits a byte, the lowest first,
 * and the eighth set in all but the last. A number has one form only: the shortest.
 */
#ifndef WIRE_VARINT_H
#define WIRE_VARINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum {
	VARINT_MAX = 10, /* bytes that 64 bits take */
};

enum varint_status {
	VARINT_DONE,
	VARINT_MORE,     /* the input ends within the number */
	VARINT_OVERLONG, /* it would fit fewer bytes */
	VARINT_TOO_WIDE, /* it has more than 64 bits */
};

/* Reads the number at the start of INPUT; unless more is needed, *SIZE is how long it is. */
enum varint_status varint_get(struct span input, uint64_t *value, size_t *size);

/* Writes VALUE into BYTES. Returns how many it takes. */
size_t varint_put(uint64_t value, char bytes[static VARINT_MAX]);

#endif
