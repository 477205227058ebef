/* What of the connections of a worker that is gone counts as killed, and what as moved. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "config/config.h"
#include "master/lost.h"
#include "net/close_reason.h"
#include "segment/counters.h"

static struct segment segment;

static int
open_segment(void **state PF_UNUSED)
{
	struct error error;

	if (segment_create(&segment, &error) != 0 || segment_service_id(&segment, "main") != 0 ||
		segment_service_id(&segment, "other") != 1)
		return -1;
	for (unsigned i = 0; i < 3; i++)
		segment_slot_claim(&segment, i, 1);
	return 0;
}

static int
close_segment(void **state PF_UNUSED)
{
	segment_destroy(&segment);
	return 0;
}

static void
count(unsigned slot, unsigned service, unsigned counter, uint64_t n)
{
	counter_add(&segment.slots[slot].counters[service][counter], n);
}

static void
arrive(unsigned slot, unsigned service, uint64_t n)
{
	count(slot, service, COUNTER_ENTERED, n);
	count(slot, service, COUNTER_ARRIVED, n);
}

static void
expect(unsigned slot, unsigned service, unsigned killed, unsigned moved)
{
	_Atomic uint64_t *counters = segment.slots[slot].counters[service];

	assert_int_equal(atomic_load(&counters[COUNTER_CLOSED + CLOSE_KILLED]), killed);
	assert_int_equal(atomic_load(&counters[COUNTER_CLOSED + CLOSE_MOVED]), moved);
}

static void
what_was_open_is_killed_by_service(void **state PF_UNUSED)
{
	count(1, 0, COUNTER_ACCEPTED, 10);
	arrive(1, 0, 4);
	count(1, 0, COUNTER_CLOSED + CLOSE_CLIENT, 3);
	count(1, 0, COUNTER_CLOSED + CLOSE_RESET, 1);
	count(1, 1, COUNTER_ACCEPTED, 2);
	count(0, 0, COUNTER_ACCEPTED, 7);
	lost_count(&segment, 1);
	expect(1, 0, 10, 0);
	expect(1, 1, 2, 0);
	expect(0, 0, 0, 0);
}

static void
the_next_owner_of_the_slot_counts_for_itself(void **state PF_UNUSED)
{
	count(1, 0, COUNTER_ACCEPTED, 10);
	lost_count(&segment, 1);
	lost_count(&segment, 1);
	expect(1, 0, 10, 0);
	count(1, 0, COUNTER_ACCEPTED, 3);
	count(1, 0, COUNTER_CLOSED + CLOSE_DRAIN, 2);
	lost_count(&segment, 1);
	expect(1, 0, 11, 0);
}

static void
what_was_sent_and_has_arrived_has_moved(void **state PF_UNUSED)
{
	count(1, 0, COUNTER_ACCEPTED, 10);
	count(1, 0, COUNTER_LEFT, 8);
	count(1, 0, COUNTER_RETURNED, 1);
	count(1, 0, COUNTER_CLOSED + CLOSE_MOVED, 2);
	arrive(2, 0, 7);
	lost_count(&segment, 1);
	expect(1, 0, 3, 7);
	lost_count(&segment, 1);
	expect(1, 0, 3, 7);
}

static void
what_was_sent_to_one_that_died_is_killed(void **state PF_UNUSED)
{
	count(1, 0, COUNTER_ACCEPTED, 10);
	count(1, 0, COUNTER_LEFT, 8);
	arrive(2, 0, 5);
	lost_count(&segment, 2);
	expect(2, 0, 5, 0);
	lost_count(&segment, 1);
	expect(1, 0, 5, 5);
	count(1, 0, COUNTER_ACCEPTED, 4);
	lost_count(&segment, 1);
	expect(1, 0, 9, 5);
}

static void
one_of_which_nobody_was_told_stays_with_who_gave_it(void **state PF_UNUSED)
{
	count(1, 0, COUNTER_ACCEPTED, 2);
	count(1, 0, COUNTER_LEFT, 1);
	count(2, 0, COUNTER_ENTERED, 1);
	assert_false(lost_is_settled(&segment, 2));
	lost_count(&segment, 2);
	assert_true(lost_is_settled(&segment, 2));
	expect(2, 0, 0, 0);
	count(1, 0, COUNTER_RETURNED, 1);
	lost_count(&segment, 1);
	expect(1, 0, 2, 0);
}

static void
one_of_which_who_gave_it_has_heard_dies_with_who_took_it(void **state PF_UNUSED)
{
	count(1, 0, COUNTER_ACCEPTED, 2);
	count(1, 0, COUNTER_LEFT, 1);
	count(1, 0, COUNTER_CLOSED + CLOSE_MOVED, 1);
	count(2, 0, COUNTER_ENTERED, 1);
	lost_count(&segment, 2);
	expect(2, 0, 1, 0);
	assert_true(lost_is_settled(&segment, 2));
	lost_count(&segment, 1);
	expect(1, 0, 1, 1);
}

static void
nonsense_is_not_believed(void **state PF_UNUSED)
{
	count(0, 0, COUNTER_ACCEPTED, CONFIG_CONNECTIONS_MAX + 1);
	count(1, 0, COUNTER_CLOSED + CLOSE_CLIENT, 5);
	count(2, 0, COUNTER_ACCEPTED, 2);
	count(2, 0, COUNTER_LEFT, UINT64_MAX / 2);
	for (unsigned i = 0; i < 3; i++)
		lost_count(&segment, i);
	lost_count(&segment, SEGMENT_SLOTS);
	expect(0, 0, 0, 0);
	expect(1, 0, 0, 0);
	expect(2, 0, 2, 0);
}

static void
sums_of_nonsense_are_not_believed(void **state PF_UNUSED)
{
	const uint64_t junk = 0xa5a5a5a5a5a5a5a5;

	for (unsigned i = 0; i < SEGMENT_COUNTERS; i++) {
		count(0, 0, i, junk);
		count(1, 0, i, INT64_MAX);
	}
	count(2, 0, COUNTER_ACCEPTED, 2);
	count(2, 0, COUNTER_LEFT, 1);
	for (unsigned i = 0; i < 3; i++) {
		lost_count(&segment, i);
		assert_true(lost_is_settled(&segment, i));
	}
	assert_int_equal(atomic_load(&segment.slots[0].counters[0][COUNTER_ACCEPTED]), junk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_open_is_killed_by_service, open_segment, close_segment),
		cmocka_unit_test_setup_teardown(
			the_next_owner_of_the_slot_counts_for_itself, open_segment, close_segment),
		cmocka_unit_test_setup_teardown(
			what_was_sent_and_has_arrived_has_moved, open_segment, close_segment),
		cmocka_unit_test_setup_teardown(
			what_was_sent_to_one_that_died_is_killed, open_segment, close_segment),
		cmocka_unit_test_setup_teardown(one_of_which_nobody_was_told_stays_with_who_gave_it,
			open_segment, close_segment),
		cmocka_unit_test_setup_teardown(
			one_of_which_who_gave_it_has_heard_dies_with_who_took_it, open_segment,
			close_segment),
		cmocka_unit_test_setup_teardown(
			nonsense_is_not_believed, open_segment, close_segment),
		cmocka_unit_test_setup_teardown(
			sums_of_nonsense_are_not_believed, open_segment, close_segment),
	};

	return cmocka_run_group_tests_name("lost", tests, NULL, NULL);
}
