/* The ring of the last reloads: what is there, and that nobody sees half an entry. */
#include <config.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "segment/reloads.h"

enum {
	ROUNDS = 20000,
};

static struct segment_master master;

static void
note(uint64_t number, bool ok)
{
	struct reloads_entry entry = {
		.at_s = number,
		.generation = (uint32_t)number,
		.ok = ok,
	};

	memset(entry.reason, 'a' + (int)(number % 26), sizeof(entry.reason));
	reloads_note(&master, &entry);
}

static void
assert_whole(const struct reloads_entry *entry, uint64_t number)
{
	assert_int_equal(entry->at_s, number);
	assert_int_equal(entry->generation, number);
	assert_int_equal(strlen(entry->reason), SEGMENT_REASON - 1);
	assert_int_equal(
		strspn(entry->reason, (char[2]){ (char)('a' + number % 26) }), SEGMENT_REASON - 1);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&master, 0, sizeof(master));
	return 0;
}

static void
test_nothing_is_there_at_first(void **state)
{
	struct reloads_entry entry;

	(void)state;
	assert_int_equal(reloads_count(&master), 0);
	assert_false(reloads_read(&master, 1, &entry));
}

static void
test_the_last_ones_are_there_and_all_are_counted(void **state)
{
	struct reloads_entry entry;

	(void)state;
	for (uint64_t number = 1; number <= 20; number++)
		note(number, number % 4 != 0);
	assert_int_equal(reloads_count(&master), 20);
	assert_int_equal(atomic_load(&master.reloads), 15);
	assert_int_equal(atomic_load(&master.reloads_failed), 5);
	assert_false(reloads_read(&master, 20 - SEGMENT_RELOADS, &entry));
	for (uint64_t number = 20 - SEGMENT_RELOADS + 1; number <= 20; number++) {
		assert_true(reloads_read(&master, number, &entry));
		assert_whole(&entry, number);
		assert_int_equal(entry.ok, number % 4 != 0);
	}
	assert_false(reloads_read(&master, 21, &entry));
}

static void *
note_many(void *arg)
{
	for (uint64_t number = 1; number <= ROUNDS; number++)
		note(number, true);
	return arg;
}

static void
test_a_reader_sees_whole_entries_only(void **state)
{
	struct reloads_entry entry;
	pthread_t writer;
	uint64_t count;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, note_many, NULL), 0);
	do {
		count = reloads_count(&master);
		for (uint64_t i = 0; i < SEGMENT_RELOADS && i < count; i++) {
			if (reloads_read(&master, count - i, &entry))
				assert_whole(&entry, count - i);
		}
	} while (count < ROUNDS);
	assert_int_equal(pthread_join(writer, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_is_there_at_first, set_up),
		cmocka_unit_test_setup(test_the_last_ones_are_there_and_all_are_counted, set_up),
		cmocka_unit_test_setup(test_a_reader_sees_whole_entries_only, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
