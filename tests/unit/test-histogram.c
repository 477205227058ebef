/* The load generator's histogram: its error bound, and that adding up is exact. */
#include <config.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "tools/bench/histogram.h"

static const int64_t largest_value = (1LL << HISTOGRAM_VALUE_BITS) - 1;

static int
make(void **state)
{
	*state = calloc(2, sizeof(struct histogram));
	return *state != NULL ? 0 : -1;
}

static int
drop(void **state)
{
	free(*state);
	return 0;
}

static void
assert_bounded(int64_t value)
{
	size_t bucket = histogram_bucket((uint64_t)value);
	int64_t end = histogram_bucket_end(bucket);

	assert_true(bucket < HISTOGRAM_BUCKETS);
	assert_true(end >= value);
	assert_true(end - value <= value / HISTOGRAM_PARTS);
	assert_true(bucket == 0 || histogram_bucket_end(bucket - 1) < value);
}

static void
a_bucket_ends_at_most_a_128th_above_each_of_its_values(void **state PF_UNUSED)
{
	for (int64_t value = 0; value < 100 * 1000; value++)
		assert_bounded(value);
	for (unsigned bits = 17; bits < HISTOGRAM_VALUE_BITS; bits++)
		for (int64_t near = -300; near <= 300; near++)
			assert_bounded((1LL << bits) + near);
	assert_bounded(largest_value);
}

static void
the_largest_value_has_the_last_bucket(void **state PF_UNUSED)
{
	assert_int_equal(histogram_bucket((uint64_t)largest_value), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket_end(HISTOGRAM_BUCKETS - 1), largest_value);
}

static void
quantiles_of_1_to_100000_are_right_to_a_128th(void **state)
{
	static const double quantiles[] = { 0.00001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 };
	struct histogram *histogram = *state;

	for (int64_t value = 1; value <= 100 * 1000; value++)
		histogram_add(histogram, value, 1);
	for (size_t i = 0; i < countof(quantiles); i++) {
		int64_t exact = (int64_t)ceil(quantiles[i] * 100 * 1000);
		int64_t told = histogram_quantile(histogram, quantiles[i]);

		assert_true(told >= exact);
		assert_true(told - exact <= exact / HISTOGRAM_PARTS);
	}
	assert_int_equal(histogram_quantile(histogram, 1), 100 * 1000);
	assert_int_equal(histogram_count_to(histogram, 100), 100);
}

static void
count_mean_deviation_least_and_largest_are_exact(void **state)
{
	struct histogram *histogram = *state;

	histogram_add(histogram, 1000001, 1);
	histogram_add(histogram, 1000003, 2);
	histogram_add(histogram, 1000005, 1);
	assert_int_equal(histogram->count, 4);
	assert_int_equal(histogram->least, 1000001);
	assert_int_equal(histogram->largest, 1000005);
	assert_true(fabs(histogram_mean(histogram) - 1000003) < 1e-6);
	assert_true(fabs(histogram_deviation(histogram) - sqrt(2)) < 1e-3);
}

static void
an_empty_one_says_0(void **state)
{
	struct histogram *histogram = *state;

	assert_int_equal(histogram_quantile(histogram, 0.99), 0);
	assert_true(histogram_mean(histogram) <= 0);
	assert_true(histogram_deviation(histogram) <= 0);
	histogram_add(histogram, 5, 0);
	assert_int_equal(histogram->count, 0);
}

static void
merging_is_the_same_as_adding_to_one(void **state)
{
	struct histogram *merged = *state, *other = merged + 1;
	struct histogram *one = calloc(1, sizeof(*one));

	assert_non_null(one);
	for (int64_t value = 3; value < 1000 * 1000; value += value / 7 + 1) {
		histogram_add(value % 2 == 0 ? merged : other, value, 3);
		histogram_add(one, value, 3);
	}
	histogram_merge(merged, other);
	assert_int_equal(merged->count, one->count);
	assert_int_equal(merged->least, one->least);
	assert_int_equal(merged->largest, one->largest);
	assert_memory_equal(merged->buckets, one->buckets, sizeof(one->buckets));
	assert_true(fabs(histogram_mean(merged) - histogram_mean(one)) < 1e-6);
	free(one);
}

static void
what_is_too_large_counts_as_the_largest(void **state)
{
	struct histogram *histogram = *state;

	histogram_add(histogram, INT64_MAX, 1);
	assert_int_equal(histogram_quantile(histogram, 0.5), largest_value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_ends_at_most_a_128th_above_each_of_its_values),
		cmocka_unit_test(the_largest_value_has_the_last_bucket),
		cmocka_unit_test_setup_teardown(
			quantiles_of_1_to_100000_are_right_to_a_128th, make, drop),
		cmocka_unit_test_setup_teardown(
			count_mean_deviation_least_and_largest_are_exact, make, drop),
		cmocka_unit_test_setup_teardown(an_empty_one_says_0, make, drop),
		cmocka_unit_test_setup_teardown(merging_is_the_same_as_adding_to_one, make, drop),
		cmocka_unit_test_setup_teardown(
			what_is_too_large_counts_as_the_largest, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
