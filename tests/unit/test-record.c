/* Records: what is written comes out again, and what is no record is refused wherever it breaks. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "process/record.h"

enum {
	TAG_TEXT = 1,
	TAG_NUMBER,
	TAG_EMPTY,
	TAG_LARGE,
	TAG__COUNT,
	TAG_UNKNOWN = 99,
	TAG_LAST = UINT16_MAX,
	FIELD_HEAD = 8,
	SIZE_AT = 4, /* of a field's size, in its head */
	LARGE = 1000000,
	MANY = 5000,
};

static struct record record;
static struct record_field fields[TAG__COUNT];
static char *parsed; /* where the fields stand */

static int
empty_record(void **state PF_UNUSED)
{
	record_reset(&record);
	return 0;
}

static int
free_record(void **state PF_UNUSED)
{
	record_free(&record);
	free(parsed);
	return 0;
}

/* Parses in memory that ends where DATA does, so that sanitizers see whoever reads past it. */
static int
parse_bytes(const char *data, size_t size)
{
	free(parsed);
	parsed = NULL;
	if (size > 0) {
		parsed = malloc(size);
		assert_non_null(parsed);
		memcpy(parsed, data, size);
	}
	return record_parse((struct span){ parsed, size }, fields, TAG__COUNT);
}

static int
parse(void)
{
	return parse_bytes(record.data, record.size);
}

static void
put_text(unsigned tag, bool critical, const char *text)
{
	record_put(&record, tag, critical, text, strlen(text));
}

static void
assert_text(unsigned tag, const char *text)
{
	assert_non_null(fields[tag].data);
	assert_int_equal(fields[tag].size, strlen(text));
	assert_memory_equal(fields[tag].data, text, strlen(text));
}

static void
assert_none(unsigned tag)
{
	assert_null(fields[tag].data);
	assert_int_equal(fields[tag].size, 0);
}

/* Overwrites the size that the field at OFFSET has. */
static void
set_size(size_t offset, uint32_t size)
{
	memcpy(record.data + offset + SIZE_AT, &size, sizeof(size));
}

static void
fields_come_out_as_they_were_put_in(void **state PF_UNUSED)
{
	put_text(TAG_TEXT, true, "some text");
	record_put_number(&record, TAG_NUMBER, false, 4711);
	assert_false(record.failed);
	assert_int_equal(parse(), 0);
	assert_text(TAG_TEXT, "some text");
	assert_int_equal(record_number(&fields[TAG_NUMBER], 0), 4711);
}

static void
fields_may_come_in_any_order(void **state PF_UNUSED)
{
	record_put_number(&record, TAG_NUMBER, false, 4711);
	put_text(TAG_TEXT, true, "some text");
	assert_int_equal(parse(), 0);
	assert_text(TAG_TEXT, "some text");
	assert_int_equal(record_number(&fields[TAG_NUMBER], 0), 4711);
}

static void
a_field_that_was_not_put_in_has_no_data(void **state PF_UNUSED)
{
	memset(fields, 0xa5, sizeof(fields));
	put_text(TAG_TEXT, false, "alone");
	assert_int_equal(parse(), 0);
	assert_none(0);
	assert_none(TAG_NUMBER);
	assert_none(TAG_EMPTY);
	assert_none(TAG_LARGE);
}

static void
a_record_without_fields_is_one(void **state PF_UNUSED)
{
	memset(fields, 0xa5, sizeof(fields));
	assert_int_equal(parse_bytes(NULL, 0), 0);
	for (unsigned tag = 0; tag < TAG__COUNT; tag++)
		assert_none(tag);
}

static void
an_empty_field_is_another_thing_than_none(void **state PF_UNUSED)
{
	record_put(&record, TAG_EMPTY, true, NULL, 0);
	assert_int_equal(record.size, FIELD_HEAD);
	assert_int_equal(parse(), 0);
	assert_non_null(fields[TAG_EMPTY].data);
	assert_int_equal(fields[TAG_EMPTY].size, 0);
}

static void
numbers_keep_all_their_bits(void **state PF_UNUSED)
{
	static const uint64_t numbers[] = { 0, 1, INT64_MAX, UINT64_MAX,
		UINT64_C(0x0123456789abcdef) };

	for (size_t i = 0; i < countof(numbers); i++) {
		record_reset(&record);
		put_text(TAG_TEXT, false, "odd"); /* what follows is not aligned */
		record_put_number(&record, TAG_NUMBER, false, numbers[i]);
		assert_int_equal(parse(), 0);
		assert_true(record_number(&fields[TAG_NUMBER], 42) == numbers[i]);
	}
}

static void
what_is_no_number_is_the_fallback(void **state PF_UNUSED)
{
	for (size_t size = 0; size <= 2 * sizeof(uint64_t); size++) {
		if (size == sizeof(uint64_t))
			continue;
		record_reset(&record);
		record_put(&record, TAG_NUMBER, false, "0123456789abcdef", size);
		assert_int_equal(parse(), 0);
		assert_int_equal(record_number(&fields[TAG_NUMBER], 42), 42);
	}
	assert_int_equal(record_number(&fields[TAG_TEXT], 43), 43);
}

static void
unknown_fields_are_skipped(void **state PF_UNUSED)
{
	put_text(TAG__COUNT, false, "first");
	put_text(TAG_TEXT, true, "some text");
	put_text(TAG_UNKNOWN, false, "between");
	put_text(TAG_UNKNOWN, false, "and once more");
	record_put_number(&record, TAG_NUMBER, true, 4711);
	put_text(TAG_LAST, false, "last");
	assert_int_equal(parse(), 0);
	assert_text(TAG_TEXT, "some text");
	assert_int_equal(record_number(&fields[TAG_NUMBER], 0), 4711);
}

static void
an_unknown_critical_field_is_refused(void **state PF_UNUSED)
{
	static const unsigned tags[] = { TAG__COUNT, TAG_UNKNOWN, TAG_LAST };

	for (size_t i = 0; i < countof(tags); i++) {
		record_reset(&record);
		put_text(TAG_TEXT, true, "some text");
		put_text(tags[i], true, "");
		assert_int_equal(parse(), -1);
	}
}

static void
the_same_field_twice_is_refused(void **state PF_UNUSED)
{
	put_text(TAG_TEXT, false, "once");
	put_text(TAG_TEXT, false, "twice");
	assert_int_equal(parse(), -1);
}

static void
the_same_empty_field_twice_is_refused(void **state PF_UNUSED)
{
	put_text(TAG_EMPTY, false, "");
	put_text(TAG_NUMBER, false, "between");
	put_text(TAG_EMPTY, false, "");
	assert_int_equal(parse(), -1);
}

static void
a_record_is_one_up_to_the_end_of_any_field_and_nowhere_else(void **state PF_UNUSED)
{
	size_t ends[5] = { 0 }, next = 0;

	put_text(TAG_TEXT, true, "some text");
	ends[1] = record.size;
	put_text(TAG_EMPTY, true, "");
	ends[2] = record.size;
	put_text(TAG_UNKNOWN, false, "unknown");
	ends[3] = record.size;
	record_put_number(&record, TAG_NUMBER, false, 4711);
	ends[4] = record.size;

	for (size_t size = 0; size <= record.size; size++) {
		const bool is_end = size == ends[next];

		assert_int_equal(parse_bytes(record.data, size), is_end ? 0 : -1);
		if (is_end)
			next++;
	}
	assert_int_equal(next, countof(ends));
}

static void
a_field_that_says_it_is_larger_than_what_is_left_is_refused(void **state PF_UNUSED)
{
	static const uint32_t more[] = { 1, 2, FIELD_HEAD, 4096, INT32_MAX - 9,
		UINT32_MAX - FIELD_HEAD - 9, UINT32_MAX - 9 };
	size_t last;

	record_put_number(&record, TAG_NUMBER, false, 4711);
	last = record.size;
	put_text(TAG_TEXT, false, "some text");
	for (size_t i = 0; i < countof(more); i++) {
		set_size(last, 9 + more[i]);
		assert_int_equal(parse(), -1);
	}
	set_size(last, 9);
	assert_int_equal(parse(), 0);
}

static void
a_field_that_says_it_is_smaller_leaves_junk_behind_it(void **state PF_UNUSED)
{
	put_text(TAG_TEXT, false, "some text");
	for (uint32_t size = 2; size < 9; size++) {
		set_size(0, size);
		assert_int_equal(parse(), -1);
	}
}

static void
a_size_that_no_field_can_have_fails_the_record(void **state PF_UNUSED)
{
	put_text(TAG_TEXT, false, "before");
	assert_null(record_reserve(&record, TAG_LARGE, false, (size_t)UINT32_MAX + 1));
	assert_true(record.failed);
}

static void
a_record_that_has_failed_takes_no_more_until_it_is_reset(void **state PF_UNUSED)
{
	size_t before;

	put_text(TAG_TEXT, false, "before");
	before = record.size;
	assert_null(record_reserve(&record, TAG_LARGE, false, SIZE_MAX));
	assert_null(record_reserve(&record, TAG_EMPTY, false, 0));
	record_put_number(&record, TAG_NUMBER, false, 4711);
	assert_true(record.failed);
	assert_int_equal(record.size, before);

	record_reset(&record);
	assert_false(record.failed);
	record_put_number(&record, TAG_NUMBER, false, 4711);
	assert_int_equal(parse(), 0);
	assert_int_equal(record_number(&fields[TAG_NUMBER], 0), 4711);
	assert_none(TAG_TEXT);
}

static void
a_reserved_field_is_shrunk_to_what_was_written(void **state PF_UNUSED)
{
	for (size_t size = 0; size <= 9; size++) {
		char *place;

		record_reset(&record);
		record_put_number(&record, TAG_NUMBER, false, 4711);
		place = record_reserve(&record, TAG_TEXT, true, 9);
		assert_non_null(place);
		memcpy(place, "some text", size);
		record_shrink(&record, 9, size);
		put_text(TAG_EMPTY, true, "");
		assert_int_equal(record.size,
			FIELD_HEAD + sizeof(uint64_t) + FIELD_HEAD + size + FIELD_HEAD);
		assert_int_equal(parse(), 0);
		assert_int_equal(fields[TAG_TEXT].size, size);
		assert_memory_equal(fields[TAG_TEXT].data, "some text", size);
		assert_int_equal(record_number(&fields[TAG_NUMBER], 0), 4711);
		assert_non_null(fields[TAG_EMPTY].data);
	}
}

static void
a_field_larger_than_the_memory_at_hand_gets_more(void **state PF_UNUSED)
{
	char *large = malloc(LARGE);

	assert_non_null(large);
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (char)(i % 251);
	put_text(TAG_TEXT, true, "before");
	record_put(&record, TAG_LARGE, true, large, LARGE);
	record_put_number(&record, TAG_NUMBER, true, 4711);
	assert_false(record.failed);
	assert_int_equal(parse(), 0);
	assert_text(TAG_TEXT, "before");
	assert_int_equal(fields[TAG_LARGE].size, LARGE);
	assert_memory_equal(fields[TAG_LARGE].data, large, LARGE);
	assert_int_equal(record_number(&fields[TAG_NUMBER], 0), 4711);
	free(large);
}

static void
memory_grows_field_by_field_and_none_is_lost(void **state PF_UNUSED)
{
	struct record_field *table = calloc(MANY, sizeof(*table));

	assert_non_null(table);
	for (unsigned tag = 0; tag < MANY; tag++)
		record_put_number(&record, tag, true, UINT64_C(1000000) * tag);
	assert_false(record.failed);
	assert_int_equal(record.size, MANY * (FIELD_HEAD + sizeof(uint64_t)));
	assert_int_equal(record_parse((struct span){ record.data, record.size }, table, MANY), 0);
	for (unsigned tag = 0; tag < MANY; tag++)
		assert_int_equal(record_number(&table[tag], 0), UINT64_C(1000000) * tag);
	free(table);
}

static void
fields_fill_the_memory_at_hand_to_its_last_byte(void **state PF_UNUSED)
{
	size_t room;

	put_text(TAG_TEXT, true, "");
	room = record.room;
	assert_non_null(record_reserve(&record, TAG_LARGE, true, room - 2 * FIELD_HEAD));
	assert_int_equal(record.size, room);
	assert_int_equal(record.room, room);
	put_text(TAG_EMPTY, true, "");
	assert_false(record.failed);
	assert_true(record.room >= record.size);
	assert_int_equal(parse(), 0);
}

static void
a_reset_keeps_the_memory_and_free_gives_it_back(void **state PF_UNUSED)
{
	size_t room;

	assert_non_null(record_reserve(&record, TAG_LARGE, false, LARGE));
	room = record.room;
	record_reset(&record);
	assert_int_equal(record.size, 0);
	assert_int_equal(record.room, room);
	record_free(&record);
	assert_null(record.data);
	assert_int_equal(record.room, 0);
	put_text(TAG_TEXT, false, "again");
	assert_int_equal(parse(), 0);
	assert_text(TAG_TEXT, "again");
}

static void
the_head_says_how_much_follows_and_whose_it_is(void **state PF_UNUSED)
{
	struct record_head head;

	put_text(TAG_TEXT, false, "some text");
	head = record_head_of(&record, UINT64_C(0x123456789abcdef0));
	assert_int_equal(sizeof(head), 24);
	assert_true(record_head_is_known(&head));
	assert_int_equal(head.size, FIELD_HEAD + 9);
	assert_int_equal(head.flags, 0);
	assert_int_equal(head.reserved, 0);
	assert_true(head.id == UINT64_C(0x123456789abcdef0));
}

static void
a_head_of_something_else_or_of_another_version_is_not_known(void **state PF_UNUSED)
{
	const struct record_head known = record_head_of(&record, 1);
	struct record_head head = known;

	head.magic = __builtin_bswap32(known.magic);
	assert_false(record_head_is_known(&head));
	head = known;
	head.version++;
	assert_false(record_head_is_known(&head));
	head.version = 0;
	assert_false(record_head_is_known(&head));
	head = known;
	head.flags = RECORD_APART;
	assert_true(record_head_is_known(&head));
}

#define TEST(name) cmocka_unit_test_setup(name, empty_record)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fields_come_out_as_they_were_put_in),
		TEST(fields_may_come_in_any_order),
		TEST(a_field_that_was_not_put_in_has_no_data),
		TEST(a_record_without_fields_is_one),
		TEST(an_empty_field_is_another_thing_than_none),
		TEST(numbers_keep_all_their_bits),
		TEST(what_is_no_number_is_the_fallback),
		TEST(unknown_fields_are_skipped),
		TEST(an_unknown_critical_field_is_refused),
		TEST(the_same_field_twice_is_refused),
		TEST(the_same_empty_field_twice_is_refused),
		TEST(a_record_is_one_up_to_the_end_of_any_field_and_nowhere_else),
		TEST(a_field_that_says_it_is_larger_than_what_is_left_is_refused),
		TEST(a_field_that_says_it_is_smaller_leaves_junk_behind_it),
		TEST(a_size_that_no_field_can_have_fails_the_record),
		TEST(a_record_that_has_failed_takes_no_more_until_it_is_reset),
		TEST(a_reserved_field_is_shrunk_to_what_was_written),
		TEST(a_field_larger_than_the_memory_at_hand_gets_more),
		TEST(memory_grows_field_by_field_and_none_is_lost),
		TEST(fields_fill_the_memory_at_hand_to_its_last_byte),
		TEST(a_reset_keeps_the_memory_and_free_gives_it_back),
		TEST(the_head_says_how_much_follows_and_whose_it_is),
		TEST(a_head_of_something_else_or_of_another_version_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, free_record);
}
