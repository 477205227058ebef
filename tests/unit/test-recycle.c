/* What a worker draws for its age and its number of requests. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "worker/recycle.h"

static void
test_bounds(void **state PF_UNUSED)
{
	static const int64_t values[] = { 1, 9, 10, 1000, 3600000, INT64_C(40000000000) };

	for (size_t i = 0; i < countof(values); i++) {
		assert_int_equal(recycle_threshold(values[i], 0), values[i]);
		assert_int_equal(
			recycle_threshold(values[i], UINT32_MAX), values[i] + values[i] / 10);
	}
}

static void
test_off_stays_off(void **state PF_UNUSED)
{
	assert_int_equal(recycle_threshold(0, 0), 0);
	assert_int_equal(recycle_threshold(0, UINT32_MAX), 0);
}

/* Each of the 101 values comes as often as the others. */
static void
test_even(void **state PF_UNUSED)
{
	unsigned drawn[101] = { 0 };
	const uint32_t draws = 101 * 100;

	for (uint32_t i = 0; i < draws; i++)
		drawn[recycle_threshold(1000, i * (UINT32_MAX / draws)) - 1000]++;
	for (size_t i = 0; i < countof(drawn); i++)
		assert_in_range(drawn[i], 99, 101);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_off_stays_off),
		cmocka_unit_test(test_even),
	};

	return cmocka_run_group_tests_name("recycle", tests, NULL, NULL);
}
