/* The codecs: what they make of a stream, however it is cut, and of what is at or past the limits.
 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/varint.h"
#include "wire/wire.h"

enum {
	STREAM_MAX = 4096,
};

/* Of what follows the length. */
static const size_t body_sizes[] = { 1, 2, 255, 1, 100, 17, 128, 127 };

static const unsigned all_length_bytes[] = { 1, 2, 4, 8 };

static struct wire
make_wire(unsigned length_bytes, enum wire_order order, size_t max_message)
{
	return (struct wire){
		.codec = wire_codec_of(WIRE_LENGTH),
		.max_message = max_message,
		.length_bytes = length_bytes,
		.order = order,
	};
}

/* Runs CHECK for each size of the length field and both orders. */
static void
for_each_wire(size_t max_message, void (*check)(const struct wire *wire))
{
	for (size_t i = 0; i < countof(all_length_bytes); i++) {
		unsigned bytes = all_length_bytes[i];
		struct wire big = make_wire(bytes, WIRE_BIG_ENDIAN, max_message);
		struct wire little = make_wire(bytes, WIRE_LITTLE_ENDIAN, max_message);

		check(&big);
		check(&little);
	}
}

/* Writes LENGTH as the field has it, byte by byte. Returns the field. */
static struct span
make_field(const struct wire *wire, uint64_t length, char field[static WIRE_FIELD_MAX])
{
	size_t size = 0;

	for (unsigned i = 0; i < wire->length_bytes; i++) {
		unsigned at = wire->order == WIRE_BIG_ENDIAN ? wire->length_bytes - 1 - i : i;

		field[at] = (char)(unsigned char)(length >> (8 * i));
	}
	if (wire->length_bytes != WIRE_VARINT)
		return (struct span){ field, wire->length_bytes };
	do {
		field[size] = (char)(length % 128 + (length >= 128 ? 128 : 0));
		length /= 128;
		size++;
	} while (length > 0);
	return (struct span){ field, size };
}

static enum wire_status
decode_field(const struct wire *wire, uint64_t length, struct wire_frame *frame)
{
	char input[WIRE_OFFSET_MAX + WIRE_FIELD_MAX], field[WIRE_FIELD_MAX];
	struct span made = make_field(wire, length, field);

	memset(input, 'h', wire->length_offset);
	memcpy(input + wire->length_offset, made.data, made.size);
	memset(frame, 0xa5, sizeof(*frame));
	return wire_decode(wire, (struct span){ input, wire->length_offset + made.size }, 0, frame);
}

/* A stream of frames, and what is to be read in it. */
struct stream {
	char bytes[STREAM_MAX];
	size_t size;
	struct {
		char bytes[STREAM_MAX / 4];
		size_t size;
		size_t frame_size;
		enum wire_end end;
	} messages[16];
	size_t count;
	size_t last_size; /* bytes of a last message that has no end */
};

static void
stream_put(struct stream *stream, const void *data, size_t size)
{
	assert_true(stream->size + size <= sizeof(stream->bytes));
	memcpy(stream->bytes + stream->size, data, size);
	stream->size += size;
}

static void
stream_expect(struct stream *stream, size_t begin, enum wire_end end)
{
	stream->messages[stream->count].frame_size = stream->size - begin;
	stream->messages[stream->count].end = end;
	stream->count++;
}

static void
message_put(struct stream *stream, const void *data, size_t size)
{
	memcpy(stream->messages[stream->count].bytes + stream->messages[stream->count].size, data,
		size);
	stream->messages[stream->count].size += size;
}

static void
add_frame(struct stream *stream, const struct wire *wire, size_t body_size)
{
	char head[WIRE_OFFSET_MAX], body[256], field[WIRE_FIELD_MAX];
	uint64_t length = body_size - (uint64_t)wire->length_adjust;
	struct span made = make_field(wire, length, field);
	size_t begin = stream->size;

	memset(head, 'H' + (int)stream->count, wire->length_offset);
	memset(body, 'a' + (int)stream->count, body_size);
	stream_put(stream, head, wire->length_offset);
	stream_put(stream, made.data, made.size);
	stream_put(stream, body, body_size);
	message_put(stream, head, wire->length_offset);
	message_put(stream, body, body_size);
	stream_expect(stream, begin, WIRE_LF);
}

static void
make_frames(struct stream *stream, const struct wire *wire)
{
	memset(stream, 0, sizeof(*stream));
	for (size_t i = 0; i < countof(body_sizes); i++) {
		if (wire->length_adjust <= 0 || body_sizes[i] >= (size_t)wire->length_adjust)
			add_frame(stream, wire, body_sizes[i]);
	}
	if (wire->allow_empty && wire->length_adjust <= 0)
		add_frame(stream, wire, 0);
	add_frame(stream, wire, 3);
}

/* A reader of a stream that comes in pieces: as a session, but for its sockets. */
struct reader {
	const struct wire *wire;
	const struct stream *stream;
	size_t taken; /* bytes */
	size_t searched;
	size_t count; /* messages */
};

static void
check_message(struct reader *reader, const struct wire_frame *frame)
{
	const struct stream *stream = reader->stream;
	struct span message = wire_message(frame);

	assert_true(reader->count < stream->count);
	assert_int_equal(message.size, stream->messages[reader->count].size);
	assert_memory_equal(message.data, stream->messages[reader->count].bytes, message.size);
	assert_int_equal(frame->size, stream->messages[reader->count].frame_size);
	assert_int_equal(frame->end, stream->messages[reader->count].end);
	reader->count++;
}

/*
 * Reads what has come up to END, in memory of exactly its size, so that a sanitizer sees whatever
 * is read or moved outside of it.
 */
static void
read_until(struct reader *reader, size_t end)
{
	size_t size = end - reader->taken;
	char *bytes = malloc(size > 0 ? size : 1);
	struct span input = { bytes, size };
	enum wire_status status;
	struct wire_frame frame;

	assert_non_null(bytes);
	memcpy(bytes, reader->stream->bytes + reader->taken, size);
	while ((status = wire_decode(reader->wire, input, reader->searched, &frame)) ==
		WIRE_FRAME) {
		check_message(reader, &frame);
		input = span_after(input, frame.size);
		reader->searched = 0;
	}
	assert_int_equal(status, WIRE_MORE);
	assert_true(frame.size > input.size);
	assert_true(frame.searched <= input.size);
	reader->searched = frame.searched;
	reader->taken = end - input.size;
	free(bytes);
}

static void
assert_read(const struct reader *reader)
{
	assert_int_equal(reader->count, reader->stream->count);
	assert_int_equal(reader->stream->size - reader->taken, reader->stream->last_size);
}

static void
check_every_cut(const struct wire *wire, const struct stream *stream)
{
	for (size_t cut = 0; cut <= stream->size; cut++) {
		struct reader reader = { .wire = wire, .stream = stream };

		read_until(&reader, cut);
		read_until(&reader, stream->size);
		assert_read(&reader);
	}
}

static void
check_byte_by_byte(const struct wire *wire, const struct stream *stream)
{
	struct reader reader = { .wire = wire, .stream = stream };

	for (size_t end = 0; end <= stream->size; end++)
		read_until(&reader, end);
	assert_read(&reader);
}

static void
check_stream(const struct wire *wire)
{
	static struct stream stream;

	make_frames(&stream, wire);
	check_every_cut(wire, &stream);
	check_byte_by_byte(wire, &stream);
}

static void
stream_cut_at_any_point_gives_the_same_frames(void **state PF_UNUSED)
{
	for_each_wire(255, check_stream);
}

static void
frames_around_a_length_are_one_message_wherever_they_are_cut(void **state PF_UNUSED)
{
	const unsigned offsets[] = { 0, 1, 3, 9, 20 };
	const int64_t adjusts[] = { 0, 1, 2, -1, -5 };

	for (size_t i = 0; i < countof(offsets) * countof(adjusts); i++) {
		struct wire wire = make_wire(
			i % 2 == 0 ? 2 : 8, i % 3 == 0 ? WIRE_BIG_ENDIAN : WIRE_LITTLE_ENDIAN, 255);

		wire.length_offset = offsets[i % countof(offsets)];
		wire.length_adjust = adjusts[i / countof(offsets)];
		wire.allow_empty = i % 2 == 0;
		check_stream(&wire);
		wire.length_bytes = WIRE_VARINT;
		check_stream(&wire);
	}
}

static void
varint_frames_are_the_same_wherever_they_are_cut(void **state PF_UNUSED)
{
	struct wire wire = make_wire(WIRE_VARINT, WIRE_BIG_ENDIAN, 255);

	check_stream(&wire);
}

static void
check_more(const struct wire *wire)
{
	char bytes[WIRE_FIELD_MAX];
	struct span field = make_field(wire, 100, bytes);
	struct wire_frame frame;

	for (size_t size = 0; size < field.size; size++) {
		struct span input = { bytes, size };

		assert_int_equal(wire_decode(wire, input, 0, &frame), WIRE_MORE);
		assert_int_equal(frame.size, field.size);
	}
	assert_int_equal(wire_decode(wire, field, 0, &frame), WIRE_MORE);
	assert_int_equal(frame.size, field.size + 100);
}

static void
unfinished_frame_says_how_many_bytes_it_has_at_least(void **state PF_UNUSED)
{
	for_each_wire(100, check_more);
}

static void
assert_refused(const struct wire *wire, uint64_t length, enum wire_error error)
{
	struct wire_frame frame;

	assert_int_equal(decode_field(wire, length, &frame), WIRE_ERROR);
	assert_int_equal(frame.error, error);
	assert_true(frame.announced == length);
}

static void
check_empty(const struct wire *wire)
{
	struct wire allows = *wire;
	struct wire_frame frame;

	assert_refused(wire, 0, WIRE_ERROR_EMPTY);
	allows.allow_empty = true;
	assert_int_equal(decode_field(&allows, 0, &frame), WIRE_FRAME);
	assert_int_equal(wire_message(&frame).size, 0);
}

static void
empty_frame_is_an_error_unless_allowed(void **state PF_UNUSED)
{
	struct wire varint = make_wire(WIRE_VARINT, WIRE_BIG_ENDIAN, 100);

	for_each_wire(100, check_empty);
	check_empty(&varint);
}

static void
bytes_before_the_length_make_no_frame_less_empty(void **state PF_UNUSED)
{
	struct wire wire = make_wire(2, WIRE_BIG_ENDIAN, 100);
	struct wire_frame frame;

	wire.length_offset = 3;
	assert_refused(&wire, 0, WIRE_ERROR_EMPTY);
	wire.allow_empty = true;
	assert_int_equal(decode_field(&wire, 0, &frame), WIRE_FRAME);
	assert_int_equal(frame.head.size, 3);
	assert_int_equal(frame.body.size, 0);
	wire.length_adjust = -5;
	assert_int_equal(decode_field(&wire, 5, &frame), WIRE_FRAME);
	wire.allow_empty = false;
	assert_refused(&wire, 5, WIRE_ERROR_EMPTY);
}

static void
assert_fits(const struct wire *wire, uint64_t length)
{
	struct wire_frame frame;

	assert_int_equal(decode_field(wire, length, &frame), WIRE_MORE);
	assert_true(frame.size == wire->length_bytes + length);
}

static void
assert_too_long(const struct wire *wire, uint64_t length)
{
	assert_refused(wire, length, WIRE_ERROR_TOO_LONG);
}

static void
check_limit(const struct wire *wire)
{
	assert_fits(wire, wire->max_message - 1);
	assert_fits(wire, wire->max_message);
	assert_too_long(wire, wire->max_message + 1);
}

static void
frame_of_the_largest_size_fits_and_one_more_byte_does_not(void **state PF_UNUSED)
{
	for_each_wire(200, check_limit);
}

static void
too_long_frame_is_an_error_before_its_payload_comes(void **state PF_UNUSED)
{
	const uint64_t lengths[] = { 1U << 24, INT32_MAX, (uint64_t)INT32_MAX + 1, UINT32_MAX };
	struct wire big = make_wire(4, WIRE_BIG_ENDIAN, (1 << 24) - 1);
	struct wire little = make_wire(4, WIRE_LITTLE_ENDIAN, (1 << 24) - 1);

	for (size_t i = 0; i < countof(lengths); i++) {
		assert_too_long(&big, lengths[i]);
		assert_too_long(&little, lengths[i]);
	}
}

static void
lengths_around_the_signs_are_read_as_they_are(void **state PF_UNUSED)
{
	struct wire big = make_wire(4, WIRE_BIG_ENDIAN, UINT32_MAX);
	struct wire little = make_wire(4, WIRE_LITTLE_ENDIAN, UINT32_MAX);
	const uint64_t lengths[] = { INT32_MAX, (uint64_t)INT32_MAX + 1, UINT32_MAX };

	for (size_t i = 0; i < countof(lengths); i++) {
		assert_fits(&big, lengths[i]);
		assert_fits(&little, lengths[i]);
	}
}

static void
lengths_of_eight_bytes_reach_2_to_the_64_less_1(void **state PF_UNUSED)
{
	const uint64_t lengths[] = { 1ULL << 32, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX };

	for (size_t i = 0; i < countof(lengths); i++) {
		struct wire big = make_wire(8, WIRE_BIG_ENDIAN, 16 << 20);
		struct wire little = make_wire(8, WIRE_LITTLE_ENDIAN, 16 << 20);

		assert_too_long(&big, lengths[i]);
		assert_too_long(&little, lengths[i]);
	}
}

static void
largest_limit_that_sizes_can_carry_does_not_wrap(void **state PF_UNUSED)
{
	struct wire wire = make_wire(8, WIRE_BIG_ENDIAN, SIZE_MAX - 8);

	assert_fits(&wire, SIZE_MAX - 8);
	assert_too_long(&wire, UINT64_MAX - 7);
	assert_too_long(&wire, UINT64_MAX);
}

static void
adjustment_counts_in_the_limits(void **state PF_UNUSED)
{
	struct wire wire = make_wire(8, WIRE_BIG_ENDIAN, 100);
	struct wire_frame frame;

	wire.length_adjust = -10;
	assert_refused(&wire, 0, WIRE_ERROR_TOO_SHORT);
	assert_refused(&wire, 9, WIRE_ERROR_TOO_SHORT);
	assert_refused(&wire, 10, WIRE_ERROR_EMPTY);
	assert_int_equal(decode_field(&wire, 11, &frame), WIRE_MORE);
	assert_int_equal(frame.size, 8 + 1);
	assert_int_equal(decode_field(&wire, 110, &frame), WIRE_MORE);
	assert_int_equal(frame.size, 8 + 100);
	assert_too_long(&wire, 111);
	assert_too_long(&wire, UINT64_MAX);

	wire.length_adjust = 10;
	assert_int_equal(decode_field(&wire, 0, &frame), WIRE_MORE);
	assert_int_equal(frame.size, 8 + 10);
	assert_int_equal(decode_field(&wire, 90, &frame), WIRE_MORE);
	assert_int_equal(frame.size, 8 + 100);
	assert_too_long(&wire, 91);
	/* What would wrap to a good length. */
	assert_too_long(&wire, UINT64_MAX - 8);
	assert_too_long(&wire, UINT64_MAX);
}

/* The varint in BYTES, the only ones there are. */
static enum wire_status
decode_varint(const char *bytes, size_t size, size_t max_message, struct wire_frame *frame)
{
	struct wire wire = make_wire(WIRE_VARINT, WIRE_BIG_ENDIAN, max_message);
	char *copy = malloc(size);
	enum wire_status status;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	status = wire_decode(&wire, (struct span){ copy, size }, 0, frame);
	free(copy);
	return status;
}

static void
varint_has_one_form_and_64_bits(void **state PF_UNUSED)
{
	static const struct {
		const char *bytes;
		size_t size;
		enum wire_error error;
		uint64_t announced;
	} refused[] = {
		{ "\x80\x00", 2, WIRE_ERROR_OVERLONG, 0 },
		{ "\x81\x00", 2, WIRE_ERROR_OVERLONG, 1 },
		{ "\xff\x80\x00", 3, WIRE_ERROR_OVERLONG, 127 },
		{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10, WIRE_ERROR_OVERLONG, 0 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, WIRE_ERROR_TOO_LONG, UINT64_MAX },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, WIRE_ERROR_TOO_WIDE, UINT64_MAX },
		{ "\x81\x80\x80\x80\x80\x80\x80\x80\x80\x81", 10, WIRE_ERROR_TOO_WIDE, UINT64_MAX },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, WIRE_ERROR_TOO_WIDE,
			UINT64_MAX },
		{ "\x00", 1, WIRE_ERROR_EMPTY, 0 },
	};
	struct wire_frame frame;

	for (size_t i = 0; i < countof(refused); i++) {
		const char *bytes = refused[i].bytes;

		assert_int_equal(
			decode_varint(bytes, refused[i].size, 1 << 20, &frame), WIRE_ERROR);
		assert_int_equal(frame.error, refused[i].error);
		assert_true(frame.announced == refused[i].announced);
		/* Until its last byte it could still be one; more than ten are not waited for. */
		for (size_t size = 1; size < refused[i].size && size < 10; size++)
			assert_int_equal(decode_varint(bytes, size, 1 << 20, &frame), WIRE_MORE);
	}
}

static void
varint_of_each_number_of_bits_is_read_as_it_is_written(void **state PF_UNUSED)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		const uint64_t values[] = { 1ULL << bit, (1ULL << bit) - 1, UINT64_MAX >> bit };

		for (size_t i = 0; i < countof(values); i++) {
			char bytes[VARINT_MAX];
			size_t written = varint_put(values[i], bytes), size = 0;
			uint64_t value;

			assert_int_equal(varint_get((struct span){ bytes, written }, &value, &size),
				VARINT_DONE);
			assert_true(value == values[i]);
			assert_int_equal(size, written);
			assert_int_equal(
				varint_get((struct span){ bytes, written - 1 }, &value, &size),
				VARINT_MORE);
		}
	}
}

/* The cases of Netty's documentation, of a LengthFieldBasedFrameDecoder: preforkd.conf(5). */
static void
cases_of_netty_give_the_messages_of_the_manual(void **state PF_UNUSED)
{
	static const struct {
		unsigned offset, bytes;
		int64_t adjust;
		const char *frame;
		size_t size;
		const char *message;
	} cases[] = {
		{ 0, 2, 0, "\0\x0cHELLO, WORLD", 14, "HELLO, WORLD" },
		{ 0, 2, -2, "\0\x0eHELLO, WORLD", 14, "HELLO, WORLD" },
		{ 2, 4, 0, "\xca\xfe\0\0\0\x0cHELLO, WORLD", 18, "\xca\xfeHELLO, WORLD" },
		{ 0, 4, 2, "\0\0\0\x0c\xca\xfeHELLO, WORLD", 18, "\xca\xfeHELLO, WORLD" },
		{ 1, 2, 1, "\xca\0\x0c\xfeHELLO, WORLD", 16, "\xca\xfeHELLO, WORLD" },
		{ 1, 2, -3, "\xca\0\x10\xfeHELLO, WORLD", 16, "\xca\xfeHELLO, WORLD" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct wire wire = make_wire(cases[i].bytes, WIRE_BIG_ENDIAN, 100);
		struct wire_envelope envelope;
		char input[32];
		struct wire_frame frame;
		struct span message;

		wire.length_offset = cases[i].offset;
		wire.length_adjust = cases[i].adjust;
		memcpy(input, cases[i].frame, cases[i].size);
		assert_int_equal(
			wire_decode(&wire, (struct span){ input, cases[i].size }, 0, &frame),
			WIRE_FRAME);
		assert_int_equal(frame.size, cases[i].size);
		message = wire_message(&frame);
		assert_int_equal(message.size, strlen(cases[i].message));
		assert_memory_equal(message.data, cases[i].message, message.size);
		assert_int_equal(wire_encode(&wire, message.size, WIRE_LF, &envelope), 0);
		assert_int_equal(envelope.head, cases[i].offset);
		assert_int_equal(envelope.prefix_size, cases[i].bytes);
		assert_memory_equal(
			envelope.prefix, cases[i].frame + cases[i].offset, cases[i].bytes);
	}
}

static void
assert_encoded(const struct wire *wire, size_t size, uint64_t length)
{
	char bytes[WIRE_FIELD_MAX];
	struct span expected = make_field(wire, length, bytes);
	struct wire_envelope envelope;

	assert_int_equal(wire_encode(wire, size, WIRE_LF, &envelope), 0);
	assert_int_equal(envelope.head, wire->length_offset);
	assert_int_equal(envelope.prefix_size, expected.size);
	assert_memory_equal(envelope.prefix, expected.data, expected.size);
	assert_int_equal(envelope.suffix.size, 0);
}

static void
assert_not_encoded(const struct wire *wire, size_t size)
{
	struct wire_envelope envelope;

	assert_int_equal(wire_encode(wire, size, WIRE_LF, &envelope), -1);
}

static void
check_lengths(const struct wire *wire)
{
	unsigned bits = wire->length_bytes == WIRE_VARINT ? 64 : 8 * wire->length_bytes;

	/* One bit after the other, and the same with all lower ones set. */
	for (unsigned bit = 0; bit < bits; bit++) {
		assert_encoded(wire, (size_t)1 << bit, (uint64_t)1 << bit);
		assert_encoded(wire, ((size_t)1 << bit) - 1, ((uint64_t)1 << bit) - 1);
	}
	assert_encoded(wire, SIZE_MAX >> (64 - bits), UINT64_MAX >> (64 - bits));
}

static void
length_is_written_as_it_is_read(void **state PF_UNUSED)
{
	struct wire varint = make_wire(WIRE_VARINT, WIRE_BIG_ENDIAN, SIZE_MAX);

	for_each_wire(SIZE_MAX, check_lengths);
	check_lengths(&varint);
}

static void
check_length_limit(const struct wire *wire)
{
	if (wire->length_bytes == sizeof(size_t))
		return;
	assert_not_encoded(wire, (size_t)1 << (8 * wire->length_bytes));
	assert_not_encoded(wire, SIZE_MAX);
}

static void
message_that_the_length_cannot_say_has_no_frame(void **state PF_UNUSED)
{
	for_each_wire(SIZE_MAX, check_length_limit);
}

static void
message_shorter_than_what_goes_first_has_no_frame(void **state PF_UNUSED)
{
	struct wire wire = make_wire(1, WIRE_BIG_ENDIAN, 100);

	wire.length_offset = 3;
	assert_not_encoded(&wire, 2);
	assert_encoded(&wire, 3, 0);
	assert_encoded(&wire, 3 + 255, 255);
	assert_not_encoded(&wire, 3 + 256);
	wire.length_adjust = -4;
	assert_not_encoded(&wire, 2);
	assert_encoded(&wire, 3, 4);
	assert_encoded(&wire, 3 + 251, 255);
	assert_not_encoded(&wire, 3 + 252);
	wire.length_adjust = 4;
	assert_not_encoded(&wire, 3 + 3);
	assert_encoded(&wire, 3 + 4, 0);
	assert_encoded(&wire, 3 + 259, 255);
	assert_not_encoded(&wire, 3 + 260);
}

/* Lines. */

static struct wire
make_line_wire(size_t max_message)
{
	return (struct wire){ .codec = wire_codec_of(WIRE_LINE), .max_message = max_message };
}

static void
add_line(struct stream *stream, const char *text, size_t size, const char *end)
{
	size_t begin = stream->size;

	stream_put(stream, text, size);
	stream_put(stream, end, strlen(end));
	message_put(stream, text, size);
	stream_expect(stream, begin, strcmp(end, "\r\n") == 0 ? WIRE_CRLF : WIRE_LF);
}

static void
lines_cut_at_any_point_are_the_same(void **state PF_UNUSED)
{
	struct wire wire = make_line_wire(100);
	static struct stream stream;
	char longest[100];

	memset(&stream, 0, sizeof(stream));
	memset(longest, 'x', sizeof(longest));
	wire.allow_empty = true;
	add_line(&stream, "one", 3, "\n");
	add_line(&stream, "two", 3, "\r\n");
	add_line(&stream, "", 0, "\n");
	add_line(&stream, "", 0, "\r\n");
	add_line(&stream, "a\rb\r\rc", 7, "\n");
	add_line(&stream, "a\r", 2, "\r\n");
	add_line(&stream, "\r", 1, "\r\n");
	add_line(&stream, "n\0l", 3, "\r\n");
	add_line(&stream, longest, sizeof(longest), "\n");
	add_line(&stream, longest, sizeof(longest), "\r\n");
	add_line(&stream, "z", 1, "\n");
	stream_put(&stream, "no end\r", 7);
	stream.last_size = 7;
	check_every_cut(&wire, &stream);
	check_byte_by_byte(&wire, &stream);
}

/* What comes of INPUT, byte by byte as it comes, and of its end if all of it is wanted. */
static enum wire_status
read_line(const struct wire *wire, const char *input, size_t size, struct wire_frame *frame)
{
	enum wire_status status = WIRE_MORE;

	frame->searched = 0;
	for (size_t end = 1; end <= size && status == WIRE_MORE; end++)
		status = wire_decode(wire, (struct span){ input, end }, frame->searched, frame);
	return status == WIRE_MORE ? wire_finish(wire, (struct span){ input, size }, frame)
				   : status;
}

static void
assert_line_refused(const struct wire *wire, const char *input, size_t size, enum wire_error error)
{
	uint64_t announced = error == WIRE_ERROR_EMPTY ? 0 : wire->max_message + 1;
	struct wire_frame frame = { 0 };

	assert_int_equal(read_line(wire, input, size, &frame), WIRE_ERROR);
	assert_int_equal(frame.error, error);
	assert_true(frame.announced == announced);
	assert_int_equal(wire_decode(wire, (struct span){ input, size }, 0, &frame), WIRE_ERROR);
	assert_int_equal(frame.error, error);
	assert_true(frame.announced == announced);
}

static void
empty_line_is_an_error(void **state PF_UNUSED)
{
	struct wire wire = make_line_wire(10);

	assert_line_refused(&wire, "\n", 1, WIRE_ERROR_EMPTY);
	assert_line_refused(&wire, "\r\n", 2, WIRE_ERROR_EMPTY);
}

static void
line_over_the_limit_is_an_error_however_it_comes(void **state PF_UNUSED)
{
	struct wire wire = make_line_wire(10);
	struct wire_frame frame;

	assert_line_refused(&wire, "01234567890", 11, WIRE_ERROR_TOO_LONG);
	assert_line_refused(&wire, "01234567890\n", 12, WIRE_ERROR_TOO_LONG);
	assert_line_refused(&wire, "01234567890\r\n", 13, WIRE_ERROR_TOO_LONG);
	assert_line_refused(&wire, "0123456789\rx", 12, WIRE_ERROR_TOO_LONG);
	assert_line_refused(&wire, "0123456789\r\r", 12, WIRE_ERROR_TOO_LONG);
	assert_line_refused(&wire, "0123456789\r\r\n", 13, WIRE_ERROR_TOO_LONG);
	assert_line_refused(&wire, "012345678901234567890123\n", 25, WIRE_ERROR_TOO_LONG);
	assert_int_equal(read_line(&wire, "0123456789\n", 11, &frame), WIRE_FRAME);
	assert_int_equal(read_line(&wire, "0123456789\r\n", 12, &frame), WIRE_FRAME);
}

static void
last_line_without_end_is_a_message_when_nothing_more_comes(void **state PF_UNUSED)
{
	struct wire wire = make_line_wire(10), length = make_wire(1, WIRE_BIG_ENDIAN, 10);
	struct wire_frame frame = { 0 };

	assert_int_equal(read_line(&wire, "last", 4, &frame), WIRE_FRAME);
	assert_int_equal(frame.size, 4);
	assert_int_equal(wire_message(&frame).size, 4);
	assert_int_equal(read_line(&wire, "last\r", 5, &frame), WIRE_FRAME);
	assert_int_equal(wire_message(&frame).size, 5);
	/* With nothing behind it, the carriage return is data, and one byte too many. */
	assert_int_equal(read_line(&wire, "0123456789\r", 11, &frame), WIRE_ERROR);
	assert_int_equal(frame.error, WIRE_ERROR_TOO_LONG);

	assert_int_equal(wire_finish(&length, (struct span){ "\5last", 5 }, &frame), WIRE_MORE);
}

static void
line_is_searched_once(void **state PF_UNUSED)
{
	struct wire wire = make_line_wire(100);
	struct wire_frame frame;

	assert_int_equal(wire_decode(&wire, (struct span){ "abc\n", 3 }, 0, &frame), WIRE_MORE);
	assert_int_equal(frame.searched, 3);
	/* What has been searched is not looked at again: here it would be found. */
	assert_int_equal(wire_decode(&wire, (struct span){ "a\ncd\n", 4 }, 3, &frame), WIRE_MORE);
	assert_int_equal(frame.searched, 4);
	assert_int_equal(wire_decode(&wire, (struct span){ "a\ncd\n", 5 }, 4, &frame), WIRE_FRAME);
	assert_int_equal(frame.size, 5);
}

static void
line_ends_as_it_is_told_to(void **state PF_UNUSED)
{
	struct wire wire = make_line_wire(10);
	struct wire_envelope envelope;

	assert_int_equal(wire_encode(&wire, 1000, WIRE_LF, &envelope), 0);
	assert_int_equal(envelope.head, 0);
	assert_int_equal(envelope.prefix_size, 0);
	assert_int_equal(envelope.suffix.size, 1);
	assert_memory_equal(envelope.suffix.data, "\n", 1);
	assert_int_equal(wire_encode(&wire, 0, WIRE_CRLF, &envelope), 0);
	assert_int_equal(envelope.suffix.size, 2);
	assert_memory_equal(envelope.suffix.data, "\r\n", 2);
}

static void
codecs_are_found_by_name(void **state PF_UNUSED)
{
	assert_ptr_equal(wire_codec_find("length"), wire_codec_of(WIRE_LENGTH));
	assert_ptr_equal(wire_codec_find("line"), wire_codec_of(WIRE_LINE));
	assert_null(wire_codec_find("lines"));
}

static void
each_error_has_a_text(void **state PF_UNUSED)
{
	for (int error = 0; error < WIRE_ERROR__COUNT; error++)
		assert_true(strlen(wire_error_text((enum wire_error)error)) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_cut_at_any_point_gives_the_same_frames),
		cmocka_unit_test(frames_around_a_length_are_one_message_wherever_they_are_cut),
		cmocka_unit_test(varint_frames_are_the_same_wherever_they_are_cut),
		cmocka_unit_test(unfinished_frame_says_how_many_bytes_it_has_at_least),
		cmocka_unit_test(empty_frame_is_an_error_unless_allowed),
		cmocka_unit_test(bytes_before_the_length_make_no_frame_less_empty),
		cmocka_unit_test(frame_of_the_largest_size_fits_and_one_more_byte_does_not),
		cmocka_unit_test(too_long_frame_is_an_error_before_its_payload_comes),
		cmocka_unit_test(lengths_around_the_signs_are_read_as_they_are),
		cmocka_unit_test(lengths_of_eight_bytes_reach_2_to_the_64_less_1),
		cmocka_unit_test(largest_limit_that_sizes_can_carry_does_not_wrap),
		cmocka_unit_test(adjustment_counts_in_the_limits),
		cmocka_unit_test(varint_has_one_form_and_64_bits),
		cmocka_unit_test(varint_of_each_number_of_bits_is_read_as_it_is_written),
		cmocka_unit_test(cases_of_netty_give_the_messages_of_the_manual),
		cmocka_unit_test(length_is_written_as_it_is_read),
		cmocka_unit_test(message_that_the_length_cannot_say_has_no_frame),
		cmocka_unit_test(message_shorter_than_what_goes_first_has_no_frame),
		cmocka_unit_test(lines_cut_at_any_point_are_the_same),
		cmocka_unit_test(empty_line_is_an_error),
		cmocka_unit_test(line_over_the_limit_is_an_error_however_it_comes),
		cmocka_unit_test(last_line_without_end_is_a_message_when_nothing_more_comes),
		cmocka_unit_test(line_is_searched_once),
		cmocka_unit_test(line_ends_as_it_is_told_to),
		cmocka_unit_test(codecs_are_found_by_name),
		cmocka_unit_test(each_error_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
