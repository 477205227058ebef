/* When a dead child is replaced: the policy as a table. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "master/respawn.h"

enum {
	DEATHS_MAX = 12,
	CALM = RESPAWN_CALM_MS,
};

#define CRASH(lived)                               \
	{                                          \
		.lived_ms = (lived), .ready = true \
	}
#define NO_START              \
	{                     \
		.lived_ms = 5 \
	}
#define DRAINED                                                \
	{                                                      \
		.lived_ms = 5, .ready = true, .expected = true \
	}

/* A life story of one seat, and the wait after each death. */
struct story {
	const char *what;
	size_t count;
	struct respawn_death deaths[DEATHS_MAX];
	int64_t delays_ms[DEATHS_MAX];
};

static const struct story stories[] = {
	{
		.what = "the first crash is answered at once, the next ones later and later",
		.count = 8,
		.deaths = { CRASH(5), CRASH(5), CRASH(5), CRASH(5), CRASH(5), CRASH(5), CRASH(5),
			CRASH(5) },
		.delays_ms = { 0, 50, 100, 200, 400, 800, 1000, 1000 },
	},
	{
		.what = "one that cannot start is tried more and more seldom",
		.count = 12,
		.deaths = { NO_START, NO_START, NO_START, NO_START, NO_START, NO_START, NO_START,
			NO_START, NO_START, NO_START, NO_START, NO_START },
		.delays_ms = { 0, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000 },
	},
	{
		.what = "a calm life forgives what was before it",
		.count = 5,
		.deaths = { CRASH(5), CRASH(5), CRASH(CALM), CRASH(5), CRASH(CALM - 1) },
		.delays_ms = { 0, 50, 0, 50, 100 },
	},
	{
		.what = "a start that takes long is no calm life",
		.count = 3,
		.deaths = { NO_START, { .lived_ms = 2 * CALM }, NO_START },
		.delays_ms = { 0, 50, 100 },
	},
};

static void
test_stories(void **state PF_UNUSED)
{
	for (size_t i = 0; i < countof(stories); i++) {
		const struct story *story = &stories[i];
		struct respawn respawn = { 0 };

		for (size_t j = 0; j < story->count; j++) {
			int64_t delay_ms = respawn_delay_ms(&respawn, &story->deaths[j]);

			if (delay_ms != story->delays_ms[j])
				fail_msg("%s: death %zu: %lld ms, expected %lld", story->what,
					j + 1, (long long)delay_ms, (long long)story->delays_ms[j]);
		}
	}
}

static void
test_no_overflow(void **state PF_UNUSED)
{
	struct respawn respawn = { 0 };
	const struct respawn_death crash = CRASH(5);

	for (int i = 0; i < 100000; i++)
		assert_in_range(respawn_delay_ms(&respawn, &crash), 0, RESPAWN_CEILING_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_no_overflow),
	};

	return cmocka_run_group_tests_name("respawn", tests, NULL, NULL);
}
