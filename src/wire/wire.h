/*
 * The codec: bytes to messages and back. Pure: it knows no socket and no loop, keeps no state
 * between calls and allocates nothing, so that the server, the clients and the fuzzers share it.
 *
 * A codec is a row in the table of wire.c; a `struct wire` is one with its settings. Input is
 * decoded from the start of a run of contiguous bytes; what is not a whole frame yet stays with
 * the caller and is offered again with more behind it.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

enum {
	WIRE_PREFIX_MAX = 16, /* bytes that an encoder may put before a payload */
};

enum wire_order {
	WIRE_BIG_ENDIAN,
	WIRE_LITTLE_ENDIAN,
};

/* One service's framing. Immutable once filled. */
struct wire {
	const struct wire_codec *codec;
	size_t max_message; /* bytes of payload; a frame that announces more is an error */
	unsigned length_bytes;
	enum wire_order order;
};

enum wire_status {
	WIRE_FRAME, /* a whole frame stands at the start */
	WIRE_MORE,  /* so far so good, but more bytes are needed */
	WIRE_ERROR, /* no frame can stand here; nothing after it can be trusted either */
};

enum wire_error { WIRE_ERROR_EMPTY, WIRE_ERROR_TOO_LONG, WIRE_ERROR__COUNT };

/* What a decoder found. Which fields count is said by the status that came with it. */
struct wire_frame {
	struct span payload; /* WIRE_FRAME: borrowed from the input */
	size_t size;         /* WIRE_FRAME: bytes of the frame; WIRE_MORE: bytes it has at least */
	enum wire_error error; /* WIRE_ERROR */
	uint64_t announced;    /* WIRE_ERROR: the length that the frame claims */
};

struct wire_codec {
	const char *name;
	enum wire_status (*decode)(
		const struct wire *wire, struct span input, struct wire_frame *frame);
	/* See wire_prefix. */
	int (*prefix)(const struct wire *wire, size_t payload_size, char *prefix);
};

/* Frames of a length field of 1, 2, 4 or 8 bytes and that many bytes of payload. */
extern const struct wire_codec wire_length;

/* Looks for a frame at the start of INPUT. Constant time. Any thread. */
static inline enum wire_status
wire_decode(const struct wire *wire, struct span input, struct wire_frame *frame)
{
	return wire->codec->decode(wire, input, frame);
}

/*
 * Writes what stands before a payload of PAYLOAD_SIZE bytes into PREFIX (WIRE_PREFIX_MAX bytes).
 * Returns its size, or -1 if the framing cannot carry a payload of that size. Any thread.
 */
PF_MUST_CHECK static inline int
wire_prefix(const struct wire *wire, size_t payload_size, char *prefix)
{
	return wire->codec->prefix(wire, payload_size, prefix);
}

/* A short English name of the error, for logs. */
const char *wire_error_text(enum wire_error error);

#endif
