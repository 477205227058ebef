/* Frames that begin with their length. */
#include <config.h>

#include "wire/wire.h"

#include <endian.h>
#include <string.h>

/* The 8, 16, 32 or 64-bit number at AT. */
static uint64_t
get_length(const struct wire *wire, const char *at)
{
	unsigned char bytes[8] = { 0 };
	uint64_t value;

	if (wire->order == WIRE_BIG_ENDIAN) {
		memcpy(bytes + sizeof(bytes) - wire->length_bytes, at, wire->length_bytes);
		memcpy(&value, bytes, sizeof(value));
		return be64toh(value);
	}
	memcpy(bytes, at, wire->length_bytes);
	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

static enum wire_status
length_error(struct wire_frame *frame, enum wire_error error, uint64_t announced)
{
	frame->error = error;
	frame->announced = announced;
	return WIRE_ERROR;
}

static enum wire_status
length_decode(const struct wire *wire, struct span input, struct wire_frame *frame)
{
	size_t header = wire->length_bytes;
	uint64_t length;

	if (input.size < header) {
		frame->size = header;
		return WIRE_MORE;
	}
	length = get_length(wire, input.data);
	if (unlikely(length == 0))
		return length_error(frame, WIRE_ERROR_EMPTY, length);
	if (unlikely(length > wire->max_message))
		return length_error(frame, WIRE_ERROR_TOO_LONG, length);

	frame->size = header + (size_t)length;
	if (input.size < frame->size)
		return WIRE_MORE;
	frame->payload = (struct span){ input.data + header, (size_t)length };
	return WIRE_FRAME;
}

static int
length_prefix(const struct wire *wire, size_t payload_size, char *prefix)
{
	unsigned bytes = wire->length_bytes;
	uint64_t value;

	if (bytes < sizeof(value) && (uint64_t)payload_size >> (8 * bytes) != 0)
		return -1;
	if (wire->order == WIRE_BIG_ENDIAN) {
		value = htobe64((uint64_t)payload_size);
		memcpy(prefix, (const char *)&value + sizeof(value) - bytes, bytes);
	} else {
		value = htole64((uint64_t)payload_size);
		memcpy(prefix, &value, bytes);
	}
	return (int)bytes;
}

const struct wire_codec wire_length = {
	.name = "length",
	.decode = length_decode,
	.prefix = length_prefix,
};
