/* The length codec: what it makes of a stream, however it is cut, and of lengths at the limits. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wire.h"

enum {
	STREAM_MAX = 2048,
};

static const size_t payload_sizes[] = { 1, 2, 255, 1, 100, 17 };

static const unsigned all_length_bytes[] = { 1, 2, 4, 8 };

static struct wire
make_wire(unsigned length_bytes, enum wire_order order, size_t max_message)
{
	return (struct wire){
		.codec = &wire_length,
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
make_header(const struct wire *wire, uint64_t length, char header[static 8])
{
	for (unsigned i = 0; i < wire->length_bytes; i++) {
		unsigned at = wire->order == WIRE_BIG_ENDIAN ? wire->length_bytes - 1 - i : i;

		header[at] = (char)(unsigned char)(length >> (8 * i));
	}
	return (struct span){ header, wire->length_bytes };
}

static enum wire_status
decode_header(const struct wire *wire, uint64_t length, struct wire_frame *frame)
{
	char header[8];

	memset(frame, 0xa5, sizeof(*frame));
	return wire_decode(wire, make_header(wire, length, header), frame);
}

/* The frames of payload_sizes, the bytes of each payload being its number. Returns the size. */
static size_t
make_stream(const struct wire *wire, char stream[static STREAM_MAX])
{
	size_t size = 0;

	for (size_t i = 0; i < countof(payload_sizes); i++) {
		char header[8];
		struct span field = make_header(wire, payload_sizes[i], header);

		memcpy(stream + size, field.data, field.size);
		memset(stream + size + field.size, (int)i, payload_sizes[i]);
		size += field.size + payload_sizes[i];
	}
	return size;
}

/* Checks that FRAME is number INDEX of the stream. */
static void
assert_frame(const struct wire *wire, const struct wire_frame *frame, size_t index)
{
	assert_true(index < countof(payload_sizes));
	assert_int_equal(frame->payload.size, payload_sizes[index]);
	assert_int_equal(frame->size, wire->length_bytes + payload_sizes[index]);
	for (size_t i = 0; i < frame->payload.size; i++)
		assert_int_equal(frame->payload.data[i], index);
}

/* Takes all whole frames of INPUT, of which the first is number *INDEX. Returns what is left. */
static struct span
take_frames(const struct wire *wire, struct span input, size_t *index)
{
	struct wire_frame frame;
	enum wire_status status;

	while ((status = wire_decode(wire, input, &frame)) == WIRE_FRAME) {
		assert_ptr_equal(frame.payload.data, input.data + wire->length_bytes);
		assert_frame(wire, &frame, (*index)++);
		input = span_after(input, frame.size);
	}
	assert_int_equal(status, WIRE_MORE);
	assert_true(frame.size > input.size);
	return input;
}

/* In a copy of exactly its size, so that a read behind the end is seen by a sanitizer. */
static struct span
copy(const char *data, size_t size)
{
	char *bytes = malloc(size > 0 ? size : 1);

	assert_non_null(bytes);
	memcpy(bytes, data, size);
	return (struct span){ bytes, size };
}

/* The stream in two pieces, cut behind its first CUT bytes. */
static void
check_cut(const struct wire *wire, const char *stream, size_t size, size_t cut)
{
	size_t index = 0, taken;
	struct span first = copy(stream, cut);
	struct span rest = take_frames(wire, first, &index);

	taken = cut - rest.size;
	free((char *)first.data);
	first = copy(stream + taken, size - taken);
	rest = take_frames(wire, first, &index);
	free((char *)first.data);
	assert_int_equal(rest.size, 0);
	assert_int_equal(index, countof(payload_sizes));
}

static void
check_every_cut(const struct wire *wire)
{
	char stream[STREAM_MAX];
	size_t size = make_stream(wire, stream);

	for (size_t cut = 0; cut <= size; cut++)
		check_cut(wire, stream, size, cut);
}

static void
stream_cut_at_any_point_gives_the_same_frames(void **state PF_UNUSED)
{
	for_each_wire(255, check_every_cut);
}

static void
check_byte_by_byte(const struct wire *wire)
{
	char stream[STREAM_MAX];
	size_t size = make_stream(wire, stream), start = 0, index = 0;

	for (size_t end = 0; end <= size; end++) {
		struct span input = { stream + start, end - start };

		start = end - take_frames(wire, input, &index).size;
	}
	assert_int_equal(start, size);
	assert_int_equal(index, countof(payload_sizes));
}

static void
stream_byte_by_byte_gives_the_same_frames(void **state PF_UNUSED)
{
	for_each_wire(255, check_byte_by_byte);
}

static void
check_more(const struct wire *wire)
{
	char header[8];
	struct span field = make_header(wire, 100, header);
	struct wire_frame frame;

	for (size_t size = 0; size < field.size; size++) {
		struct span input = { header, size };

		assert_int_equal(wire_decode(wire, input, &frame), WIRE_MORE);
		assert_int_equal(frame.size, field.size);
	}
	assert_int_equal(wire_decode(wire, field, &frame), WIRE_MORE);
	assert_int_equal(frame.size, field.size + 100);
}

static void
unfinished_frame_says_how_many_bytes_it_has_at_least(void **state PF_UNUSED)
{
	for_each_wire(100, check_more);
}

static void
check_empty(const struct wire *wire)
{
	struct wire_frame frame;

	assert_int_equal(decode_header(wire, 0, &frame), WIRE_ERROR);
	assert_int_equal(frame.error, WIRE_ERROR_EMPTY);
	assert_int_equal(frame.announced, 0);
}

static void
empty_frame_is_an_error(void **state PF_UNUSED)
{
	for_each_wire(100, check_empty);
}

static void
assert_fits(const struct wire *wire, uint64_t length)
{
	struct wire_frame frame;

	assert_int_equal(decode_header(wire, length, &frame), WIRE_MORE);
	assert_true(frame.size == wire->length_bytes + length);
}

static void
assert_too_long(const struct wire *wire, uint64_t length)
{
	struct wire_frame frame;

	assert_int_equal(decode_header(wire, length, &frame), WIRE_ERROR);
	assert_int_equal(frame.error, WIRE_ERROR_TOO_LONG);
	assert_true(frame.announced == length);
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
check_prefix_of(const struct wire *wire, size_t size)
{
	char prefix[WIRE_PREFIX_MAX], header[8];
	struct span expected = make_header(wire, size, header);

	memset(prefix, 0x5a, sizeof(prefix));
	assert_int_equal(wire_prefix(wire, size, prefix), wire->length_bytes);
	assert_memory_equal(prefix, expected.data, expected.size);
	for (size_t i = expected.size; i < sizeof(prefix); i++)
		assert_int_equal(prefix[i], 0x5a);
}

static void
check_prefixes(const struct wire *wire)
{
	/* One bit after the other, and the same with all lower ones set. */
	for (unsigned bit = 0; bit < 8 * wire->length_bytes; bit++) {
		check_prefix_of(wire, (size_t)1 << bit);
		check_prefix_of(wire, ((size_t)1 << bit) - 1);
	}
	check_prefix_of(wire, SIZE_MAX >> (64 - 8 * wire->length_bytes));
}

static void
prefix_is_what_the_decoder_reads(void **state PF_UNUSED)
{
	for_each_wire(SIZE_MAX, check_prefixes);
}

static void
check_prefix_limit(const struct wire *wire)
{
	char prefix[WIRE_PREFIX_MAX];

	if (wire->length_bytes == sizeof(size_t))
		return;
	assert_int_equal(wire_prefix(wire, (size_t)1 << (8 * wire->length_bytes), prefix), -1);
	assert_int_equal(wire_prefix(wire, SIZE_MAX, prefix), -1);
}

static void
payload_that_the_length_cannot_say_has_no_prefix(void **state PF_UNUSED)
{
	for_each_wire(SIZE_MAX, check_prefix_limit);
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
		cmocka_unit_test(stream_byte_by_byte_gives_the_same_frames),
		cmocka_unit_test(unfinished_frame_says_how_many_bytes_it_has_at_least),
		cmocka_unit_test(empty_frame_is_an_error),
		cmocka_unit_test(frame_of_the_largest_size_fits_and_one_more_byte_does_not),
		cmocka_unit_test(too_long_frame_is_an_error_before_its_payload_comes),
		cmocka_unit_test(lengths_around_the_signs_are_read_as_they_are),
		cmocka_unit_test(lengths_of_eight_bytes_reach_2_to_the_64_less_1),
		cmocka_unit_test(largest_limit_that_sizes_can_carry_does_not_wrap),
		cmocka_unit_test(prefix_is_what_the_decoder_reads),
		cmocka_unit_test(payload_that_the_length_cannot_say_has_no_prefix),
		cmocka_unit_test(each_error_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
