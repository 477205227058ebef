/* Connection ids: unique within a slot, over respawns in it, and among slots. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "segment/ids.h"

enum {
	MANY = 200000, /* more than one stamp has */
};

static struct segment segment;

/* Both are the segment of one process here: a worker's view of its slot. */
static void
become(unsigned slot)
{
	segment.own = &segment.slots[slot];
}

static int
setup(void **state PF_UNUSED)
{
	struct error error;

	return segment_create(&segment, &error);
}

static int
teardown(void **state PF_UNUSED)
{
	segment.own = NULL;
	segment_destroy(&segment);
	return 0;
}

static void
test_each_is_larger(void **state PF_UNUSED)
{
	struct ids ids;
	uint64_t last = 0;

	become(3);
	ids_start(&ids, &segment, 3);
	for (int i = 0; i < MANY; i++) {
		uint64_t id = ids_next(&ids, &segment);

		assert_true(id > last);
		assert_int_equal(id >> 16 & 0xff, 3);
		last = id;
	}
}

static void
test_respawns_repeat_none(void **state PF_UNUSED)
{
	uint64_t last = 0;

	become(7);
	for (int i = 0; i < 100; i++) {
		struct ids ids;
		uint64_t id;

		ids_start(&ids, &segment, 7);
		id = ids_next(&ids, &segment);
		assert_true(id > last);
		last = ids_next(&ids, &segment);
		assert_true(last > id);
	}
}

/* The date was set back by a day: the slot remembers where it was. */
static void
test_a_clock_set_back_repeats_none(void **state PF_UNUSED)
{
	const uint64_t day = 24 * 3600 * 256;
	struct ids ids;
	uint64_t before;

	become(9);
	ids_start(&ids, &segment, 9);
	before = atomic_load(&segment.own->id_stamp);
	atomic_store(&segment.own->id_stamp, before + day);
	ids_start(&ids, &segment, 9);
	assert_true(atomic_load(&segment.own->id_stamp) == before + day + 1);
	assert_true(ids_next(&ids, &segment) >> 24 == before + day + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_is_larger),
		cmocka_unit_test(test_respawns_repeat_none),
		cmocka_unit_test(test_a_clock_set_back_repeats_none),
	};

	return cmocka_run_group_tests_name("ids", tests, setup, teardown);
}
