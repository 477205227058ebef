/* Whether a worker's loop turns: what is seen, as a table. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "master/liveness.h"

enum {
	LOOKS_MAX = 8,
	INTERVAL = 250,
};

/* One look: the tick that it saw, how long after the one before, and what it is to say. */
struct look {
	int64_t tick_ms;
	int64_t elapsed_ms;
	int64_t still_ms;
};

struct story {
	const char *what;
	size_t count;
	struct look looks[LOOKS_MAX];
};

static const struct story stories[] = {
	{
		.what = "a loop that turns",
		.count = 4,
		.looks = { { 1000, 250, 0 }, { 1250, 250, 0 }, { 1500, 250, 0 }, { 1750, 250, 0 } },
	},
	{
		.what = "one that stands still, from the second look on",
		.count = 5,
		.looks = { { 1000, 250, 0 }, { 1000, 250, 250 }, { 1000, 250, 500 },
			{ 1000, 250, 750 }, { 1000, 250, 1000 } },
	},
	{
		.what = "one that goes on, be it by a millisecond",
		.count = 5,
		.looks = { { 1000, 250, 0 }, { 1000, 250, 250 }, { 1000, 250, 500 },
			{ 1001, 250, 0 }, { 1001, 250, 250 } },
	},
	{
		.what = "looks that come early count for what has passed",
		.count = 4,
		.looks = { { 1000, 250, 0 }, { 1000, 100, 100 }, { 1000, 0, 100 },
			{ 1000, 249, 349 } },
	},
	{
		.what = "a master that was away for an hour counts one interval",
		.count = 4,
		.looks = { { 1000, 250, 0 }, { 1000, 3600000, 250 }, { 1000, 3600000, 500 },
			{ 4000, 250, 0 } },
	},
	{
		.what = "a worker that was never seen to turn",
		.count = 3,
		.looks = { { 0, 250, 250 }, { 0, 250, 500 }, { 0, 250, 750 } },
	},
	{
		.what = "a clock that goes back is another tick",
		.count = 3,
		.looks = { { 1000, 250, 0 }, { 1000, 250, 250 }, { 900, 250, 0 } },
	},
};

static void
test_stories(void **state PF_UNUSED)
{
	for (size_t i = 0; i < countof(stories); i++) {
		const struct story *story = &stories[i];
		struct liveness liveness = { 0 };

		for (size_t j = 0; j < story->count; j++) {
			const struct look *look = &story->looks[j];
			const int64_t still_ms =
				liveness_look(&liveness, look->tick_ms, look->elapsed_ms, INTERVAL);

			if (still_ms != look->still_ms)
				fail_msg("%s: look %zu: %lld ms, expected %lld", story->what, j + 1,
					(long long)still_ms, (long long)look->still_ms);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
	};

	return cmocka_run_group_tests_name("liveness", tests, NULL, NULL);
}
