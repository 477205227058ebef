/* Deadlines: what expires, when, and what was put off in between; on a clock that the test holds.
 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/deadline.h"

enum {
	COUNT = 200,
};

struct item {
	struct deadline deadline;
	int64_t expired_ms; /* 0: not yet */
};

static struct loop loop;
static struct deadlines deadlines;
static struct item items[COUNT];

static void
on_expired(struct deadline *deadline)
{
	container_of(deadline, struct item, deadline)->expired_ms = loop.now_ms;
}

/* The loop keeps the time of a turn until the turn ends, so a test can set it. */
static void
advance_to(int64_t now_ms)
{
	loop.now_ms = now_ms;
	deadlines.timer_ms = DEADLINE_NEVER;
	event_active(deadlines.timer, EV_TIMEOUT, 0);
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	loop.now_ms = now_ms;
}

static int
setup(void **state PF_UNUSED)
{
	struct error error;

	if (loop_open(&loop, &error) != 0 ||
		deadlines_open(&deadlines, &loop, on_expired, &error) != 0)
		return -1;
	loop.now_ms = 1000;
	for (size_t i = 0; i < COUNT; i++) {
		items[i] = (struct item){ 0 };
		deadline_init(&items[i].deadline);
	}
	return 0;
}

static int
teardown(void **state PF_UNUSED)
{
	for (size_t i = 0; i < COUNT; i++)
		deadline_cancel(&deadlines, &items[i].deadline);
	deadlines_close(&deadlines);
	loop_close(&loop);
	return 0;
}

static void
test_expires_when_due(void **state PF_UNUSED)
{
	deadline_set(&deadlines, &items[0].deadline, 1500);
	advance_to(1499);
	assert_int_equal(items[0].expired_ms, 0);
	advance_to(1500);
	assert_int_equal(items[0].expired_ms, 1500);
	items[0].expired_ms = 0;
	advance_to(9000);
	assert_int_equal(items[0].expired_ms, 0);
}

static void
test_put_off(void **state PF_UNUSED)
{
	deadline_set(&deadlines, &items[0].deadline, 1500);
	deadline_set(&deadlines, &items[0].deadline, 2500);
	advance_to(2499);
	assert_int_equal(items[0].expired_ms, 0);
	advance_to(2500);
	assert_int_equal(items[0].expired_ms, 2500);
}

static void
test_moved_forward(void **state PF_UNUSED)
{
	deadline_set(&deadlines, &items[0].deadline, 9000);
	deadline_set(&deadlines, &items[0].deadline, 1200);
	advance_to(1200);
	assert_int_equal(items[0].expired_ms, 1200);
}

static void
test_cancelled_and_never(void **state PF_UNUSED)
{
	deadline_set(&deadlines, &items[0].deadline, 1200);
	deadline_set(&deadlines, &items[1].deadline, 1200);
	deadline_set(&deadlines, &items[2].deadline, 1200);
	deadline_cancel(&deadlines, &items[0].deadline);
	deadline_set(&deadlines, &items[1].deadline, DEADLINE_NEVER);
	advance_to(5000);
	assert_int_equal(items[0].expired_ms, 0);
	assert_int_equal(items[1].expired_ms, 0);
	assert_int_equal(items[2].expired_ms, 5000);
}

/* Against a plain list: random settings, and each expires in the step that reaches it. */
static void
test_random(void **state PF_UNUSED)
{
	srand(7);
	for (int64_t now_ms = 1001; now_ms < 3000; now_ms++) {
		struct item *item = &items[rand() % COUNT];

		item->expired_ms = 0;
		deadline_set(&deadlines, &item->deadline, now_ms + 1 + rand() % 300);
		advance_to(now_ms);
		for (size_t i = 0; i < COUNT; i++) {
			bool pending = items[i].deadline.due_ms != DEADLINE_NEVER;

			assert_false(pending && items[i].deadline.due_ms <= now_ms);
			assert_false(pending && items[i].expired_ms != 0);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_expires_when_due, setup, teardown),
		cmocka_unit_test_setup_teardown(test_put_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled_and_never, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
	};

	return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
