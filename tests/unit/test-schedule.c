/* When the load generator's requests are due, by rates that change. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "tools/bench/schedule.h"

static const int64_t ms_ns = 1000000;

/* 1,000, 10,000 and 100 requests a second, a second each, after half a second of warm-up. */
static struct schedule
three_steps(void)
{
	struct schedule schedule = { .steps = 3, .rates = { 1000, 10000, 100 } };

	schedule_lay_out(&schedule, 500 * ms_ns, 3000 * ms_ns);
	return schedule;
}

static void
one_rate_has_requests_at_equal_distances(void **state PF_UNUSED)
{
	struct schedule schedule = { .steps = 1, .rates = { 1000 } };

	schedule_lay_out(&schedule, 0, 1000 * ms_ns);
	assert_int_equal(schedule_due_ns(&schedule, 0), 0);
	assert_int_equal(schedule_due_ns(&schedule, 1), ms_ns);
	assert_int_equal(schedule_due_ns(&schedule, 999), 999 * ms_ns);
}

static void
the_last_rate_has_no_end(void **state PF_UNUSED)
{
	struct schedule schedule = { .steps = 1, .rates = { 1000 } };

	schedule_lay_out(&schedule, 0, 1000 * ms_ns);
	assert_int_equal(schedule_due_ns(&schedule, 5000), 5000 * ms_ns);
	assert_int_equal(schedule_step(&schedule, 5000 * ms_ns), 0);
}

static void
the_first_step_lasts_for_the_warm_up_and_its_share(void **state PF_UNUSED)
{
	struct schedule schedule = three_steps();

	assert_int_equal(schedule_due_ns(&schedule, 1499), 1499 * ms_ns);
	assert_int_equal(schedule_due_ns(&schedule, 1500), 1500 * ms_ns);
	assert_int_equal(schedule_step(&schedule, 1500 * ms_ns - 1), 0);
	assert_int_equal(schedule_step(&schedule, 1500 * ms_ns), 1);
}

static void
each_step_has_its_own_distances(void **state PF_UNUSED)
{
	struct schedule schedule = three_steps();

	assert_int_equal(schedule_due_ns(&schedule, 1501), 1500 * ms_ns + ms_ns / 10);
	assert_int_equal(schedule_due_ns(&schedule, 11500), 2500 * ms_ns);
	assert_int_equal(schedule_due_ns(&schedule, 11501), 2510 * ms_ns);
	assert_int_equal(schedule_step(&schedule, 2500 * ms_ns), 2);
}

static void
times_never_go_back(void **state PF_UNUSED)
{
	struct schedule schedule = { .steps = 3, .rates = { 0.7, 1e9, 3.3 } };
	int64_t last_ns = -1, due_ns;

	schedule_lay_out(&schedule, 0, 3 * ms_ns);
	for (uint64_t i = 0; i < 1100 * 1000; i++) {
		due_ns = schedule_due_ns(&schedule, i);
		assert_true(due_ns >= last_ns);
		last_ns = due_ns;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_rate_has_requests_at_equal_distances),
		cmocka_unit_test(the_last_rate_has_no_end),
		cmocka_unit_test(the_first_step_lasts_for_the_warm_up_and_its_share),
		cmocka_unit_test(each_step_has_its_own_distances),
		cmocka_unit_test(times_never_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
