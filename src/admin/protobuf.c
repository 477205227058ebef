#include <config.h>

#include "admin/protobuf.h"

#include <endian.h>
#include <string.h>

enum {
	VARINT_MAX = 10, /* bytes */
};

/* Wire types. */
enum {
	TYPE_VARINT = 0,
	TYPE_FIXED64 = 1,
	TYPE_BYTES = 2,
	TYPE_FIXED32 = 5,
};

static size_t
varint(uint8_t bytes[static VARINT_MAX], uint64_t value)
{
	size_t size = 0;

	for (; value > 0x7f; value >>= 7)
		bytes[size++] = (uint8_t)(value | 0x80);
	bytes[size++] = (uint8_t)value;
	return size;
}

static void
put(struct protobuf *out, const void *data, size_t size)
{
	if (out->full || size > out->room - out->size) {
		out->full = true;
		return;
	}
	memcpy(out->data + out->size, data, size);
	out->size += size;
}

static void
put_varint(struct protobuf *out, uint64_t value)
{
	uint8_t bytes[VARINT_MAX];

	put(out, bytes, varint(bytes, value));
}

static void
put_tag(struct protobuf *out, unsigned field, unsigned type)
{
	put_varint(out, field << 3 | type);
}

void
protobuf_integer(struct protobuf *out, unsigned field, uint64_t value)
{
	put_tag(out, field, TYPE_VARINT);
	put_varint(out, value);
}

void
protobuf_fixed64(struct protobuf *out, unsigned field, uint64_t value)
{
	const uint64_t little = htole64(value);

	put_tag(out, field, TYPE_FIXED64);
	put(out, &little, sizeof(little));
}

void
protobuf_fixed32(struct protobuf *out, unsigned field, uint32_t value)
{
	const uint32_t little = htole32(value);

	put_tag(out, field, TYPE_FIXED32);
	put(out, &little, sizeof(little));
}

void
protobuf_bytes(struct protobuf *out, unsigned field, const void *data, size_t size)
{
	put_tag(out, field, TYPE_BYTES);
	put_varint(out, size);
	put(out, data, size);
}

void
protobuf_string(struct protobuf *out, unsigned field, const char *text)
{
	protobuf_bytes(out, field, text, strlen(text));
}

size_t
protobuf_open(struct protobuf *out, unsigned field)
{
	put_tag(out, field, TYPE_BYTES);
	return out->size;
}

/* The size goes before the message: that moves up for it. */
void
protobuf_close(struct protobuf *out, size_t opened)
{
	uint8_t bytes[VARINT_MAX];
	const size_t inner = out->size - opened, size = varint(bytes, inner);

	put(out, bytes, size); /* makes room */
	if (out->full)
		return;
	memmove(out->data + opened + size, out->data + opened, inner);
	memcpy(out->data + opened, bytes, size);
}

/* A message that is read. */
struct reader {
	const uint8_t *at;
	size_t left;
};

static bool
take_varint(struct reader *reader, uint64_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < VARINT_MAX && i < reader->left; i++) {
		*value |= (uint64_t)(reader->at[i] & 0x7f) << (7 * i);
		if (reader->at[i] <= 0x7f) {
			reader->at += i + 1;
			reader->left -= i + 1;
			return true;
		}
	}
	return false;
}

/* One field: its value, or its size, which then is all there. Returns whether there was one. */
static bool
take_field(struct reader *reader, uint64_t *tag, uint64_t *value)
{
	if (!take_varint(reader, tag))
		return false;
	switch (*tag & 7) {
	case TYPE_VARINT:
		return take_varint(reader, value);
	case TYPE_FIXED64:
		*value = sizeof(uint64_t);
		break;
	case TYPE_FIXED32:
		*value = sizeof(uint32_t);
		break;
	case TYPE_BYTES:
		if (!take_varint(reader, value))
			return false;
		break;
	default:
		return false;
	}
	return *value <= reader->left;
}

static void
skip(struct reader *reader, uint64_t tag, uint64_t size)
{
	if ((tag & 7) == TYPE_VARINT)
		return;
	reader->at += size;
	reader->left -= size;
}

uint64_t
protobuf_find_integer(const uint8_t *data, size_t size, unsigned field)
{
	struct reader reader = { data, size };
	uint64_t tag, value;

	while (take_field(&reader, &tag, &value)) {
		if (tag == (field << 3 | TYPE_VARINT))
			return value;
		skip(&reader, tag, value);
	}
	return 0;
}

const uint8_t *
protobuf_find_bytes(const uint8_t *data, size_t size, unsigned field, size_t *found_size)
{
	struct reader reader = { data, size };
	uint64_t tag, value;

	while (take_field(&reader, &tag, &value)) {
		if (tag == (field << 3 | TYPE_BYTES)) {
			*found_size = value;
			return reader.at;
		}
		skip(&reader, tag, value);
	}
	return NULL;
}
