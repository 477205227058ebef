/* Replies that are kept: what of them stays where it is, what is copied, and where to. */
#include <config.h>

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dispatch/reply.h"
#include "dispatch/spans.h"

enum {
	LARGE = REPLY_SMALL + 1,
};

static const char text[] = "a message of thirty-two letters.";
static const struct pf_span message = { text, sizeof(text) - 1 };

static struct reply reply;

static int
empty_reply(void **state PF_UNUSED)
{
	memset(&reply, 0, offsetof(struct reply, parts));
	memset((char *)&reply + offsetof(struct reply, parts), 0xaa,
		sizeof(reply) - offsetof(struct reply, parts));
	return 0;
}

static int
clear_reply(void **state PF_UNUSED)
{
	reply_clear(&reply);
	return 0;
}

static void
fill(const struct pf_span *parts, size_t count)
{
	assert_int_equal(reply_fill(&reply, &message, parts, count), 0);
}

static bool
is_small(const void *data)
{
	const struct pf_span small = { reply.small, sizeof(reply.small) };

	return spans_are_within(&small, data, 1);
}

/* The reply's parts, one behind the other, are these, and none of them is empty. */
static void
assert_reads(const struct pf_span *parts, size_t count)
{
	char expected[1024], found[1024];
	size_t expected_size = 0, found_size = 0;

	for (size_t i = 0; i < count; i++) {
		if (parts[i].size > 0)
			memcpy(expected + expected_size, parts[i].data, parts[i].size);
		expected_size += parts[i].size;
	}
	assert_in_range(reply.count, 0, REPLY_PARTS);
	for (unsigned i = 0; i < reply.count; i++) {
		assert_true(reply.parts[i].size > 0);
		assert_true(found_size + reply.parts[i].size <= sizeof(found));
		memcpy(found + found_size, reply.parts[i].data, reply.parts[i].size);
		found_size += reply.parts[i].size;
	}
	assert_int_equal(reply.size, expected_size);
	assert_int_equal(found_size, expected_size);
	assert_memory_equal(found, expected, expected_size);
}

static void
parts_of_the_message_stay_where_they_are(void **state PF_UNUSED)
{
	const struct pf_span parts[] = { { text + 20, 12 }, { text, 1 } };

	fill(parts, 2);
	assert_int_equal(reply.count, 2);
	assert_ptr_equal(reply.parts[0].data, text + 20);
	assert_ptr_equal(reply.parts[1].data, text);
	assert_null(reply.blocks);
	assert_reads(parts, 2);
}

static void
the_whole_message_is_a_part_of_it(void **state PF_UNUSED)
{
	fill(&message, 1);
	assert_int_equal(reply.count, 1);
	assert_ptr_equal(reply.parts[0].data, text);
	assert_reads(&message, 1);
}

static void
what_reaches_beyond_the_message_is_copied(void **state PF_UNUSED)
{
	const struct pf_span inner = { text + 4, 8 };
	const struct pf_span parts[] = { { text + 3, 4 }, { text + 8, 5 }, { text + 12, 1 } };

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(reply_fill(&reply, &inner, &parts[i], 1), 0);
		assert_true(is_small(reply.parts[0].data));
		assert_reads(&parts[i], 1);
	}
}

static void
nothing_lies_within_an_empty_message(void **state PF_UNUSED)
{
	const struct pf_span empty = { text, 0 }, part = { text, 5 };

	assert_int_equal(reply_fill(&reply, &empty, &part, 1), 0);
	assert_true(is_small(reply.parts[0].data));
	assert_reads(&part, 1);
}

static void
little_from_elsewhere_is_copied_into_the_reply(void **state PF_UNUSED)
{
	char other[REPLY_SMALL];
	const struct pf_span expected = { "0123456789", 10 };
	struct pf_span part = { other, sizeof(other) };

	memset(other, 'x', sizeof(other));
	fill(&part, 1);
	assert_true(is_small(reply.parts[0].data));
	assert_null(reply.blocks);
	assert_reads(&part, 1);

	memcpy(other, "0123456789", 10);
	part.size = 10;
	fill(&part, 1);
	memset(other, '-', sizeof(other));
	assert_reads(&expected, 1);
}

static void
much_from_elsewhere_is_copied_to_a_block(void **state PF_UNUSED)
{
	char other[LARGE];
	const struct pf_span part = { other, sizeof(other) };

	memset(other, 'x', sizeof(other));
	fill(&part, 1);
	assert_int_equal(reply.count, 1);
	assert_true(reply_has(&reply, reply.parts[0].data, LARGE));
	assert_reads(&part, 1);
}

static void
only_what_is_copied_counts_as_small(void **state PF_UNUSED)
{
	char other[REPLY_SMALL] = "other";
	const struct pf_span parts[] = { { other, 40 }, message, { other + 40, 24 } };

	fill(parts, 3);
	assert_int_equal(reply.count, 3);
	assert_true(is_small(reply.parts[0].data));
	assert_ptr_equal(reply.parts[1].data, text);
	assert_true(is_small(reply.parts[2].data));
	assert_null(reply.blocks);
	assert_reads(parts, 3);
}

static void
parts_in_reserved_memory_stay_where_they_are(void **state PF_UNUSED)
{
	char *first = reply_reserve(&reply, 100), *second = reply_reserve(&reply, 200);
	const struct pf_span parts[] = { { second + 150, 50 }, { first, 100 }, { second, 1 } };

	assert_non_null(first);
	assert_non_null(second);
	memset(first, '1', 100);
	memset(second, '2', 200);
	fill(parts, 3);
	assert_int_equal(reply.count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_ptr_equal(reply.parts[i].data, parts[i].data);
	assert_reads(parts, 3);
}

static void
adjacent_parts_join(void **state PF_UNUSED)
{
	const struct pf_span parts[] = { { text, 2 }, { text + 2, 5 }, { "ab", 2 }, { "cd", 2 },
		{ text + 7, 3 }, { text + 10, 4 } };

	fill(parts, 6);
	assert_int_equal(reply.count, 3);
	assert_ptr_equal(reply.parts[0].data, text);
	assert_int_equal(reply.parts[0].size, 7);
	assert_true(is_small(reply.parts[1].data));
	assert_int_equal(reply.parts[1].size, 4);
	assert_ptr_equal(reply.parts[2].data, text + 7);
	assert_int_equal(reply.parts[2].size, 7);
	assert_reads(parts, 6);
}

static void
parts_in_the_other_order_do_not_join(void **state PF_UNUSED)
{
	const struct pf_span parts[] = { { text + 5, 5 }, { text, 5 } };

	fill(parts, 2);
	assert_int_equal(reply.count, 2);
	assert_reads(parts, 2);
}

static void
as_many_pieces_as_fit_stay(void **state PF_UNUSED)
{
	const struct pf_span parts[] = { { text, 1 }, { text + 2, 1 }, { text + 4, 1 },
		{ text + 6, 1 } };

	fill(parts, REPLY_PARTS);
	assert_int_equal(reply.count, REPLY_PARTS);
	assert_null(reply.blocks);
	assert_reads(parts, REPLY_PARTS);
}

static void
too_many_pieces_are_copied_whole(void **state PF_UNUSED)
{
	char *reserved = reply_reserve(&reply, 10);
	const struct pf_span parts[] = { { text, 1 }, { "xyz", 3 }, { reserved, 10 }, { NULL, 0 },
		{ text + 4, 4 }, { text, 1 }, { "and the rest", 12 } };

	assert_non_null(reserved);
	memset(reserved, 'r', 10);
	fill(parts, 7);
	assert_int_equal(reply.count, 1);
	assert_true(reply_has(&reply, reply.parts[0].data, reply.size));
	assert_ptr_not_equal(reply.parts[0].data, reserved);
	assert_reads(parts, 7);
}

static void
empty_parts_leave_no_trace(void **state PF_UNUSED)
{
	const struct pf_span parts[] = { { NULL, 0 }, { text, 3 }, { "elsewhere", 0 },
		{ text + 3, 3 }, { text + 1, 0 }, { text + sizeof(text) - 1, 0 } };

	fill(parts, 6);
	assert_int_equal(reply.count, 1);
	assert_ptr_equal(reply.parts[0].data, text);
	assert_int_equal(reply.parts[0].size, 6);
	assert_reads(parts, 6);
}

static void
a_reply_may_be_empty(void **state PF_UNUSED)
{
	const struct pf_span nothing[] = { { NULL, 0 }, { NULL, 0 } };

	fill(nothing, 2);
	assert_reads(nothing, 2);
	fill(NULL, 0);
	assert_reads(NULL, 0);
	assert_int_equal(reply.count, 0);
	assert_null(reply.blocks);
}

static void
a_reply_filled_anew_is_another_one(void **state PF_UNUSED)
{
	const struct pf_span first[] = { { text + 9, 1 }, { "first", 5 } };

	fill(first, 2);
	fill(&message, 1);
	assert_reads(&message, 1);
}

/* Against plain concatenation, parts at random from all the places there are. */
static void
random_parts_read_as_they_were_given(void **state PF_UNUSED)
{
	const char elsewhere[32] = "some bytes from quite elsewhere";

	srand(7);
	for (int round = 0; round < 5000; round++) {
		char *reserved = reply_reserve(&reply, 32);
		const char *const places[] = { text, elsewhere, reserved };
		struct pf_span parts[10];
		size_t count = (size_t)rand() % 11;

		assert_non_null(reserved);
		memset(reserved, 'a' + round % 26, 32);
		for (size_t i = 0; i < count; i++) {
			size_t offset = (size_t)rand() % 32;
			const char *place = places[rand() % 3];

			parts[i].data = place + offset;
			parts[i].size = (size_t)rand() % (33 - offset);
		}
		fill(parts, count);
		assert_reads(parts, count);
		clear_reply(NULL);
	}
}

static void
reserved_memory_is_aligned_for_any_object(void **state PF_UNUSED)
{
	for (size_t size = 0; size < 100; size++) {
		char *reserved = reply_reserve(&reply, size);

		assert_non_null(reserved);
		assert_int_equal((uintptr_t)reserved % alignof(max_align_t), 0);
		memset(reserved, 'x', size);
	}
}

static void
more_than_a_size_can_say_is_not_reserved(void **state PF_UNUSED)
{
	assert_null(reply_reserve(&reply, SIZE_MAX));
	assert_null(reply_reserve(&reply, SIZE_MAX - 15));
	assert_null(reply.blocks);
}

static void
a_reply_has_what_lies_within_a_block_up_to_its_edges(void **state PF_UNUSED)
{
	const char *reserved = reply_reserve(&reply, 50);

	assert_non_null(reserved);
	assert_true(reply_has(&reply, reserved, 50));
	assert_true(reply_has(&reply, reserved, 0));
	assert_true(reply_has(&reply, reserved + 49, 1));
	assert_false(reply_has(&reply, reserved, 51));
	assert_false(reply_has(&reply, reserved + 49, 2));
	assert_false(reply_has(&reply, reserved + 50, 1));
	assert_false(reply_has(&reply, (const void *)((uintptr_t)reserved - 1), 1));
	assert_false(reply_has(&reply, (const void *)((uintptr_t)reserved - 1), 51));
	assert_false(reply_has(&reply, reserved + 1, SIZE_MAX));
	assert_false(reply_has(&reply, reserved + 1, SIZE_MAX - 48));
	assert_false(reply_has(&reply, NULL, 0));
	assert_false(reply_has(&reply, text, 1));
}

static void
a_reply_has_what_lies_in_any_of_its_blocks_but_not_across(void **state PF_UNUSED)
{
	const char *first = reply_reserve(&reply, 16), *second = reply_reserve(&reply, 16);
	uintptr_t low = (uintptr_t)first < (uintptr_t)second ? (uintptr_t)first : (uintptr_t)second;
	uintptr_t high = (uintptr_t)first + (uintptr_t)second - low;

	assert_non_null(first);
	assert_non_null(second);
	assert_true(reply_has(&reply, first, 16));
	assert_true(reply_has(&reply, second, 16));
	assert_false(reply_has(&reply, (const void *)low, high - low + 16));
}

static void
a_cleared_reply_has_nothing(void **state PF_UNUSED)
{
	const void *reserved = reply_reserve(&reply, 16);

	assert_non_null(reserved);
	assert_non_null(reply_reserve(&reply, 5000));
	reply_clear(&reply);
	assert_null(reply.blocks);
	assert_false(reply_has(&reply, reserved, 1));
	reply_clear(&reply);
	fill(&message, 1);
	assert_reads(&message, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_A_REPLY(test) cmocka_unit_test_setup_teardown(test, empty_reply, clear_reply)
		ON_A_REPLY(parts_of_the_message_stay_where_they_are),
		ON_A_REPLY(the_whole_message_is_a_part_of_it),
		ON_A_REPLY(what_reaches_beyond_the_message_is_copied),
		ON_A_REPLY(nothing_lies_within_an_empty_message),
		ON_A_REPLY(little_from_elsewhere_is_copied_into_the_reply),
		ON_A_REPLY(much_from_elsewhere_is_copied_to_a_block),
		ON_A_REPLY(only_what_is_copied_counts_as_small),
		ON_A_REPLY(parts_in_reserved_memory_stay_where_they_are),
		ON_A_REPLY(adjacent_parts_join),
		ON_A_REPLY(parts_in_the_other_order_do_not_join),
		ON_A_REPLY(as_many_pieces_as_fit_stay),
		ON_A_REPLY(too_many_pieces_are_copied_whole),
		ON_A_REPLY(empty_parts_leave_no_trace),
		ON_A_REPLY(a_reply_may_be_empty),
		ON_A_REPLY(a_reply_filled_anew_is_another_one),
		ON_A_REPLY(random_parts_read_as_they_were_given),
		ON_A_REPLY(reserved_memory_is_aligned_for_any_object),
		ON_A_REPLY(more_than_a_size_can_say_is_not_reserved),
		ON_A_REPLY(a_reply_has_what_lies_within_a_block_up_to_its_edges),
		ON_A_REPLY(a_reply_has_what_lies_in_any_of_its_blocks_but_not_across),
		ON_A_REPLY(a_cleared_reply_has_nothing),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
