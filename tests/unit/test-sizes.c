/* How large the load generator's messages are, and the frames that are made of them. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "tools/bench/payload.h"
#include "tools/bench/sizes.h"

enum {
	MANY = 100 * 1000,
	MOST = 1 << 20,
};

static struct sizes
parse(const char *text)
{
	struct sizes sizes;
	struct error error;

	assert_int_equal(sizes_parse(&sizes, text, MOST, &error), 0);
	return sizes;
}

static void
assert_refused(const char *text, const char *why)
{
	struct sizes sizes;
	struct error error;

	assert_int_equal(sizes_parse(&sizes, text, MOST, &error), -1);
	assert_non_null(strstr(error.text, why));
}

static double
mean_of_many(struct sizes *sizes)
{
	double sum = 0;

	for (size_t i = 0; i < MANY; i++)
		sum += (double)sizes_next(sizes, i);
	return sum / MANY;
}

static void
one_size_is_always_that(void **state PF_UNUSED)
{
	struct sizes sizes = parse("4K");

	for (size_t i = 0; i < 10; i++)
		assert_int_equal(sizes_next(&sizes, i), 4096);
}

static void
a_range_has_each_of_its_sizes_as_often(void **state PF_UNUSED)
{
	struct sizes sizes = parse("5-8");
	size_t counts[4] = { 0 };

	for (size_t i = 0; i < MANY; i++) {
		size_t size = sizes_next(&sizes, i);

		assert_in_range(size, 5, 8);
		counts[size - 5]++;
	}
	for (size_t i = 0; i < 4; i++)
		assert_in_range(counts[i], MANY / 4 * 9 / 10, MANY / 4 * 11 / 10);
}

static void
an_exponential_distribution_has_its_mean(void **state PF_UNUSED)
{
	struct sizes sizes = parse("exp:512");
	double mean = mean_of_many(&sizes);

	assert_true(mean > 500 && mean < 524);
}

static void
the_same_sizes_come_again(void **state PF_UNUSED)
{
	struct sizes first = parse("1-1000"), second = parse("1-1000");

	for (size_t i = 0; i < 100; i++)
		assert_int_equal(sizes_next(&first, i), sizes_next(&second, i));
}

static void
a_file_gives_its_sizes_in_order_over_and_over(void **state PF_UNUSED)
{
	char path[] = "/tmp/test-sizes.XXXXXX", text[64];
	int fd = mkstemp(path);
	struct sizes sizes;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "10\n2K\n0\n", 8), 8);
	close(fd);
	snprintf(text, sizeof(text), "file:%s", path);
	sizes = parse(text);
	unlink(path);
	assert_int_equal(sizes.count, 3);
	assert_int_equal(sizes_next(&sizes, 0), 10);
	assert_int_equal(sizes_next(&sizes, 1), 2048);
	assert_int_equal(sizes_next(&sizes, 2), 0);
	assert_int_equal(sizes_next(&sizes, 3), 10);
	sizes_free(&sizes);
}

static void
what_is_no_size_is_refused(void **state PF_UNUSED)
{
	assert_refused("", "expected a size");
	assert_refused("x", "expected a size");
	assert_refused("64-", "expected a size");
	assert_refused("64-32", "expected a size");
	assert_refused("-1", "expected a size");
	assert_refused("exp:0", "expected a mean");
	assert_refused("2M", "larger than --max-size");
	assert_refused("1-2M", "larger than --max-size");
	assert_refused("exp:2M", "larger than --max-size");
	assert_refused("file:/nonexistent", "cannot open");
	assert_refused("file:/dev/null", "has no sizes");
}

static void
frames_stand_one_behind_the_other_and_decode_to_their_sizes(void **state PF_UNUSED)
{
	struct sizes sizes = parse("2-300"), same = parse("2-300");
	struct wire_frame frame;
	struct framing framing;
	struct payload payload;
	struct error error;

	framing_init(&framing);
	framing.wire.length_bytes = WIRE_VARINT;
	framing.wire.length_offset = 1;
	assert_int_equal(payload_make(&payload, &sizes, &framing, 1, &error), 0);
	assert_true(payload.count > 100);
	for (size_t i = 0; i < payload.count; i++) {
		struct span span = payload_frame(&payload, i);

		assert_int_equal(wire_decode(&framing.wire, span, 0, &frame), WIRE_FRAME);
		assert_int_equal(frame.size, span.size);
		assert_int_equal(frame.head.size + frame.body.size, sizes_next(&same, i));
	}
	payload_free(&payload);
}

static void
a_size_that_the_framing_cannot_carry_is_refused(void **state PF_UNUSED)
{
	struct sizes sizes = parse("300");
	struct framing framing;
	struct payload payload;
	struct error error;

	framing_init(&framing);
	framing.wire.length_bytes = 1;
	assert_int_equal(payload_make(&payload, &sizes, &framing, 1, &error), -1);
	assert_string_equal(error.text, "the framing cannot carry messages of 300 bytes");
	payload_free(&payload);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_size_is_always_that),
		cmocka_unit_test(a_range_has_each_of_its_sizes_as_often),
		cmocka_unit_test(an_exponential_distribution_has_its_mean),
		cmocka_unit_test(the_same_sizes_come_again),
		cmocka_unit_test(a_file_gives_its_sizes_in_order_over_and_over),
		cmocka_unit_test(what_is_no_size_is_refused),
		cmocka_unit_test(frames_stand_one_behind_the_other_and_decode_to_their_sizes),
		cmocka_unit_test(a_size_that_the_framing_cannot_carry_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
