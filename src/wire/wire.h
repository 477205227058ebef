/*
 * The codec: bytes to messages and back. Pure: it knows no socket and no loop, keeps no state
 * between calls and allocates nothing, so that the server, the clients and the fuzzers share it.
 * A framing is a row of WIRE_FRAMINGS and a codec in a file of its own; a `struct wire` is one with
 * its settings. Input is decoded from the start of a run of contiguous bytes; what is not a whole
 * frame yet stays with the caller and is offered again with more behind it.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

/* Every framing: its name in the configuration, and its codec. */
#define WIRE_FRAMINGS(ROW)                      \
	ROW(WIRE_LENGTH, "length", wire_length) \
	ROW(WIRE_LINE, "line", wire_line)

#define WIRE_ENUM_ROW(framing, name, codec) framing,
enum wire_framing { WIRE_FRAMINGS(WIRE_ENUM_ROW) WIRE_FRAMING__COUNT };

enum {
	WIRE_VARINT = 0,        /* length_bytes of a length as a base-128 varint */
	WIRE_FIELD_MAX = 10,    /* bytes of the largest length: a varint of 64 bits */
	WIRE_OFFSET_MAX = 1024, /* largest length_offset */
};

enum wire_order {
	WIRE_BIG_ENDIAN,
	WIRE_LITTLE_ENDIAN,
};

/* How a line ends. */
enum wire_end {
	WIRE_LF,
	WIRE_CRLF,
};

/*
 * One service's framing. Immutable once filled. A frame of `length` is
 *
 *	length_offset bytes, the length, length + length_adjust bytes
 *
 * and its message is what stands before the length and what follows it.
 */
struct wire {
	const struct wire_codec *codec;
	size_t max_message;     /* bytes that may follow the length; or of a line without its end */
	unsigned length_bytes;  /* 1, 2, 4, 8 or WIRE_VARINT */
	unsigned length_offset; /* at most WIRE_OFFSET_MAX */
	int64_t length_adjust;
	enum wire_order order;
	bool allow_empty; /* a frame may end with its length, a line be its end alone */
};

enum wire_status {
	WIRE_FRAME, /* a whole frame stands at the start */
	WIRE_MORE,  /* so far so good, but more bytes are needed */
	WIRE_ERROR, /* no frame can stand here; nothing after it can be trusted either */
};

enum wire_error {
	WIRE_ERROR_EMPTY,
	WIRE_ERROR_TOO_LONG,
	WIRE_ERROR_TOO_SHORT, /* length_adjust takes more off than there is */
	WIRE_ERROR_OVERLONG,  /* a varint of more bytes than its number needs */
	WIRE_ERROR_TOO_WIDE,  /* a varint of more than 64 bits */
	WIRE_ERROR__COUNT
};

/* What a decoder found. Which fields count is said by the status that came with it. */
struct wire_frame {
	struct span head;  /* WIRE_FRAME: what stands before the length; borrowed from the input */
	struct span body;  /* WIRE_FRAME: what follows it; of a line, all; borrowed as well */
	enum wire_end end; /* WIRE_FRAME of wire_decode: how a line ends */
	/*
	 * WIRE_FRAME: bytes of the frame. WIRE_MORE: bytes that it has at least; of a line, which
	 * may end anywhere before, that it has at most.
	 */
	size_t size;
	size_t searched;       /* WIRE_MORE: bytes that need no second look, see wire_decode */
	enum wire_error error; /* WIRE_ERROR */
	uint64_t announced;    /* WIRE_ERROR: the length that it claims; of a line, has at least */
};

/* What an encoder puts around a message. */
struct wire_envelope {
	size_t head; /* bytes of the message that go first; then come prefix, rest and suffix */
	size_t prefix_size;
	char prefix[WIRE_FIELD_MAX]; /* behind prefix_size: anything */
	struct span suffix;          /* constant */
};

struct wire_codec {
	/* See wire_decode, wire_finish (NULL: always WIRE_MORE) and wire_encode. */
	enum wire_status (*decode)(const struct wire *wire, struct span input, size_t searched,
		struct wire_frame *frame);
	enum wire_status (*finish)(
		const struct wire *wire, struct span input, struct wire_frame *frame);
	int (*encode)(const struct wire *wire, size_t size, enum wire_end end,
		struct wire_envelope *envelope);
};

/* The codec of a framing; that of the framing of a name, or NULL. */
const struct wire_codec *wire_codec_of(enum wire_framing framing);
const struct wire_codec *wire_codec_find(const char *name);

/*
 * Looks for a frame at the start of INPUT. SEARCHED is what the last call on it said, when it
 * ended before, and 0 at first: so that all calls together look at each byte once. Any thread.
 */
static inline enum wire_status
wire_decode(const struct wire *wire, struct span input, size_t searched, struct wire_frame *frame)
{
	return wire->codec->decode(wire, input, searched, frame);
}

/* The same when no more will come, if wire_decode wanted more. A line then has no end to tell. */
enum wire_status wire_finish(const struct wire *wire, struct span input, struct wire_frame *frame);

/*
 * The message of a whole frame as one run of bytes. Bytes before the length are moved up to those
 * behind it, in the input, which must be writable and has this frame no more.
 */
struct span wire_join(const struct wire_frame *frame);

static inline struct span
wire_message(const struct wire_frame *frame)
{
	return likely(frame->head.size == 0) ? frame->body : wire_join(frame);
}

/*
 * Says what goes around a message of SIZE bytes; as a line it ends with END. Returns 0, or -1 if
 * the framing cannot carry a message of that size. Any thread.
 */
PF_MUST_CHECK static inline int
wire_encode(const struct wire *wire, size_t size, enum wire_end end, struct wire_envelope *envelope)
{
	return wire->codec->encode(wire, size, end, envelope);
}

/* A short English name of the error, for logs. */
const char *wire_error_text(enum wire_error error);

#endif
