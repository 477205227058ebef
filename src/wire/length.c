/* Frames by a length before them: of 1, 2, 4 or 8 bytes, or a varint. */
#include <config.h>

#include "wire/codec.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "wire/varint.h"

static_assert((int)VARINT_MAX <= (int)WIRE_FIELD_MAX, "a varint fits the prefix");

/* Copies of a size that is known here are a load each. */
static inline uint64_t
get_fixed(const struct wire *wire, const char *at)
{
	bool big = wire->order == WIRE_BIG_ENDIAN;
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (wire->length_bytes) {
	case 1:
		return (unsigned char)*at;
	case 2:
		memcpy(&two, at, sizeof(two));
		return big ? be16toh(two) : le16toh(two);
	case 4:
		memcpy(&four, at, sizeof(four));
		return big ? be32toh(four) : le32toh(four);
	default:
		memcpy(&eight, at, sizeof(eight));
		return big ? be64toh(eight) : le64toh(eight);
	}
}

/* Writes eight bytes in any case, of which the first are meant. */
static inline void
put_fixed(const struct wire *wire, uint64_t value, char *at)
{
	if (wire->order == WIRE_BIG_ENDIAN)
		value = htobe64(value << (64 - 8 * wire->length_bytes));
	else
		value = htole64(value);
	memcpy(at, &value, sizeof(value));
}
static_assert((int)WIRE_FIELD_MAX >= (int)sizeof(uint64_t), "they fit the prefix");

/* Why LENGTH, with length_adjust BODY bytes, is refused; WRAPPED: they are no number of 64 bits. */
static PF_NOINLINE enum wire_status
refuse_length(const struct wire *wire, struct wire_frame *frame, uint64_t length, bool wrapped)
{
	if (wrapped && wire->length_adjust < 0)
		return codec_refuse(frame, WIRE_ERROR_TOO_SHORT, length);
	if (!wrapped && length + (uint64_t)wire->length_adjust == 0)
		return codec_refuse(frame, WIRE_ERROR_EMPTY, length);
	return codec_refuse(frame, WIRE_ERROR_TOO_LONG, length);
}

/* The frame whose LENGTH ends with the first BEGIN bytes of INPUT. */
static inline enum wire_status
frame_of(const struct wire *wire, struct span input, size_t begin, uint64_t length,
	struct wire_frame *frame)
{
	const uint64_t body = length + (uint64_t)wire->length_adjust;
	const bool wrapped = (body < length) != (wire->length_adjust < 0);

	if (unlikely(wrapped || body > wire->max_message || (body == 0 && !wire->allow_empty)))
		return refuse_length(wire, frame, length, wrapped);
	if (input.size - begin < body)
		return codec_want(frame, begin + (size_t)body, 0);
	frame->size = begin + (size_t)body;
	frame->head = (struct span){ input.data, wire->length_offset };
	frame->body = (struct span){ input.data + begin, (size_t)body };
	frame->end = WIRE_LF;
	return WIRE_FRAME;
}

static PF_NOINLINE enum wire_status
decode_varint(const struct wire *wire, struct span input, struct wire_frame *frame)
{
	size_t offset = wire->length_offset, size;
	uint64_t length;

	if (input.size <= offset)
		return codec_want(frame, offset + 1, 0);
	switch (varint_get(span_after(input, offset), &length, &size)) {
	case VARINT_DONE:
		return frame_of(wire, input, offset + size, length, frame);
	case VARINT_MORE:
		return codec_want(frame, input.size + 1, 0);
	case VARINT_OVERLONG:
		return codec_refuse(frame, WIRE_ERROR_OVERLONG, length);
	case VARINT_TOO_WIDE:
		break;
	}
	return codec_refuse(frame, WIRE_ERROR_TOO_WIDE, UINT64_MAX);
}

static enum wire_status
length_decode(const struct wire *wire, struct span input, size_t searched PF_UNUSED,
	struct wire_frame *frame)
{
	size_t offset = wire->length_offset, begin = offset + wire->length_bytes;

	if (unlikely(wire->length_bytes == WIRE_VARINT))
		return decode_varint(wire, input, frame);
	if (input.size < begin)
		return codec_want(frame, begin, 0);
	return frame_of(wire, input, begin, get_fixed(wire, input.data + offset), frame);
}

static bool
fits(unsigned bytes, uint64_t value)
{
	return bytes == WIRE_VARINT || bytes >= sizeof(value) || value >> (8 * bytes) == 0;
}

static int
length_encode(const struct wire *wire, size_t size, enum wire_end end PF_UNUSED,
	struct wire_envelope *envelope)
{
	unsigned offset = wire->length_offset, bytes = wire->length_bytes;
	const uint64_t length = size - offset - (uint64_t)wire->length_adjust;
	const bool wrapped = (length > size - offset) != (wire->length_adjust < 0);

	if (unlikely(size < offset || wrapped || !fits(bytes, length)))
		return -1;
	envelope->head = offset;
	envelope->suffix = (struct span){ 0 };
	if (bytes == WIRE_VARINT) {
		envelope->prefix_size = varint_put(length, envelope->prefix);
	} else {
		envelope->prefix_size = bytes;
		put_fixed(wire, length, envelope->prefix);
	}
	return 0;
}

const struct wire_codec wire_length = {
	.decode = length_decode,
	.encode = length_encode,
};
