/* Trace contexts of clients: what is taken for one, and what is not. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/traceparent.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"

/* In memory that ends where the text does, so that sanitizers see whoever reads past it. */
static int
parse(struct traceparent *parent, const char *text)
{
	const size_t size = strlen(text);
	char *copy = malloc(size > 0 ? size : 1);
	int result;

	memcpy(copy, text, size);
	result = traceparent_parse(parent, copy, size);
	free(copy);
	return result;
}

static void
one_that_is_read_is_written_again(void **state PF_UNUSED)
{
	static const char *const texts[] = {
		"00-" TRACE "-" SPAN "-00",
		"00-" TRACE "-" SPAN "-01",
		"00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-01",
	};

	for (size_t i = 0; i < countof(texts); i++) {
		char text[TRACEPARENT_SIZE + 1];
		struct traceparent parent;

		assert_int_equal(parse(&parent, texts[i]), 0);
		assert_int_equal(parent.sampled, texts[i][54] == '1');
		traceparent_print(&parent, text);
		assert_string_equal(text, texts[i]);
	}
}

static void
flags_and_versions_to_come_are_no_matter(void **state PF_UNUSED)
{
	struct traceparent parent;

	assert_int_equal(parse(&parent, "00-" TRACE "-" SPAN "-ff"), 0);
	assert_true(parent.sampled);
	assert_int_equal(parse(&parent, "00-" TRACE "-" SPAN "-fe"), 0);
	assert_false(parent.sampled);
	assert_int_equal(parse(&parent, "01-" TRACE "-" SPAN "-01"), 0);
	assert_int_equal(parse(&parent, "cc-" TRACE "-" SPAN "-01-what-will-be"), 0);
}

static void
what_is_malformed_is_none(void **state PF_UNUSED)
{
	static const char *const texts[] = {
		"",
		"0",
		"00-" TRACE "-" SPAN "-0",
		"00-" TRACE "-" SPAN "-01 ",
		"00-" TRACE "-" SPAN "-01-more",
		"01-" TRACE "-" SPAN "-01.more",
		"ff-" TRACE "-" SPAN "-01",
		"0g-" TRACE "-" SPAN "-01",
		"00_" TRACE "-" SPAN "-01",
		"00-" TRACE "_" SPAN "-01",
		"00-" TRACE "-" SPAN "_01",
		"00-" TRACE "-" SPAN "-0x",
		"00-0AF7651916cd43dd8448eb211c80319c-" SPAN "-01",
		"00-" TRACE "-B7AD6B7169203331-01",
		"00-00000000000000000000000000000000-" SPAN "-01",
		"00-" TRACE "-0000000000000000-01",
		"00-" SPAN "-" TRACE "-01",
	};
	struct traceparent parent;

	for (size_t i = 0; i < countof(texts); i++) {
		if (parse(&parent, texts[i]) == 0)
			fail_msg("%s", texts[i]);
	}
	assert_int_equal(traceparent_parse(&parent, "00-" TRACE "-" SPAN "-\0001", 55), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_read_is_written_again),
		cmocka_unit_test(flags_and_versions_to_come_are_no_matter),
		cmocka_unit_test(what_is_malformed_is_none),
	};

	return cmocka_run_group_tests_name("traceparent", tests, NULL, NULL);
}
