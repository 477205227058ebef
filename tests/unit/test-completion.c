/* The way from threads back to the loop: nothing is lost on it, and a loop that waits is woken. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "dispatch/completion.h"
#include "process/loop.h"

enum {
	POSTERS = 4,
	ROUNDS = 5000, /* posts of each */
	PATIENCE_MS = 60000,
};

struct item {
	struct post post;
	unsigned poster;
	unsigned number;
};

/* What the loop has got so far. */
struct taken {
	_Atomic unsigned of[POSTERS];
	unsigned all;
	unsigned wrong; /* out of their order */
};

static struct loop loop;
static struct completion completion;
static struct item items[POSTERS][ROUNDS];
static struct taken taken;
static _Atomic bool given_up;
static int64_t until_ms;

static int
open_loop(void **state PF_UNUSED)
{
	struct error error;

	if (loop_open(&loop, &error) != 0 || loop_open_wake(&loop, &error) != 0)
		return -1;
	completion = (struct completion){ .loop = &loop };
	taken = (struct taken){ 0 };
	atomic_store(&given_up, false);
	until_ms = clock_monotonic_ms() + PATIENCE_MS;
	for (unsigned i = 0; i < POSTERS; i++) {
		for (unsigned j = 0; j < ROUNDS; j++)
			items[i][j] = (struct item){ { .kind = POST_LETTER }, i, j };
	}
	return 0;
}

static int
close_loop(void **state PF_UNUSED)
{
	loop_close(&loop);
	return 0;
}

static void
take_all(void)
{
	struct post *post = completion_take(&completion);

	while (post != NULL) {
		const struct item *item = container_of(post, struct item, post);

		post = post->next;
		taken.all++;
		taken.wrong += item->number != atomic_load(&taken.of[item->poster]);
		atomic_fetch_add(&taken.of[item->poster], 1);
	}
}

static void
assert_all_taken(void)
{
	assert_int_equal(taken.all, POSTERS * ROUNDS);
	assert_int_equal(taken.wrong, 0);
	for (unsigned i = 0; i < POSTERS; i++)
		assert_int_equal(atomic_load(&taken.of[i]), ROUNDS);
	assert_true(completion_is_empty(&completion));
}

static void
start_posters(pthread_t *posters, void *(*run)(void *))
{
	for (unsigned i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&posters[i], NULL, run, items[i]), 0);
}

static void
join_posters(const pthread_t *posters)
{
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(posters[i], NULL);
}

/* At full speed. */
static void *
post_all(void *arg)
{
	struct item *own = arg;

	for (unsigned i = 0; i < ROUNDS; i++)
		completion_post(&completion, &own[i].post);
	return NULL;
}

/* Each when the one before has been taken, so that the loop waits in between. */
static void *
post_one_by_one(void *arg)
{
	struct item *own = arg;

	for (unsigned i = 0; i < ROUNDS && !atomic_load(&given_up); i++) {
		completion_post(&completion, &own[i].post);
		while (atomic_load(&taken.of[own->poster]) <= i && !atomic_load(&given_up))
			sched_yield();
	}
	return NULL;
}

static void
nothing_is_taken_where_nothing_was_posted(void **state PF_UNUSED)
{
	assert_true(completion_is_empty(&completion));
	assert_null(completion_take(&completion));
}

static void
posts_are_taken_once_and_in_their_order(void **state PF_UNUSED)
{
	const struct post *post;

	for (unsigned i = 0; i < 10; i++)
		completion_post(&completion, &items[0][i].post);
	assert_false(completion_is_empty(&completion));
	post = completion_take(&completion);
	assert_true(completion_is_empty(&completion));
	assert_null(completion_take(&completion));
	for (unsigned i = 0; i < 10; i++, post = post->next)
		assert_ptr_equal(post, &items[0][i].post);
	assert_null(post);
}

static void
what_was_taken_can_be_posted_again(void **state PF_UNUSED)
{
	for (unsigned i = 0; i < 3; i++) {
		completion_post(&completion, &items[0][0].post);
		assert_ptr_equal(completion_take(&completion), &items[0][0].post);
		assert_null(items[0][0].post.next);
	}
}

static void
of_posts_by_many_threads_none_is_lost_and_each_keeps_their_order(void **state PF_UNUSED)
{
	pthread_t posters[POSTERS];

	start_posters(posters, post_all);
	while (taken.all < POSTERS * ROUNDS && clock_monotonic_ms() < until_ms)
		take_all();
	join_posters(posters);
	take_all();
	assert_all_taken();
}

/* With a loop. */

static void
on_turn_end(void *arg PF_UNUSED)
{
	take_all();
	if (taken.all == POSTERS * ROUNDS)
		loop_stop(&loop);
}

static bool
has_posts(void *arg PF_UNUSED)
{
	return !completion_is_empty(&completion);
}

static void
on_patience_lost(int fd PF_UNUSED, short what PF_UNUSED, void *arg PF_UNUSED)
{
	atomic_store(&given_up, true);
	loop_stop(&loop);
}

static void
run_loop_beside(void *(*post)(void *))
{
	struct event *patience = evtimer_new(loop.base, on_patience_lost, NULL);
	pthread_t posters[POSTERS];

	assert_non_null(patience);
	loop.turn_end = on_turn_end;
	loop.is_busy = has_posts;
	loop_start_timer(patience, PATIENCE_MS);
	start_posters(posters, post);
	loop_run(&loop);
	join_posters(posters);
	event_free(patience);
	assert_false(atomic_load(&given_up));
	assert_all_taken();
}

static void
a_loop_that_waits_is_woken_by_each_post(void **state PF_UNUSED)
{
	run_loop_beside(post_one_by_one);
}

static void
a_loop_gets_all_that_is_posted_in_a_rush(void **state PF_UNUSED)
{
	run_loop_beside(post_all);
}

static void
a_loop_that_does_not_wait_is_not_woken(void **state PF_UNUSED)
{
	eventfd_t count;

	completion_post(&completion, &items[0][0].post);
	assert_int_equal(eventfd_read(loop.wake_fd, &count), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
a_loop_that_waits_is_woken_once(void **state PF_UNUSED)
{
	eventfd_t count;

	atomic_store(&loop.waiting, true);
	for (unsigned i = 0; i < 3; i++)
		completion_post(&completion, &items[0][i].post);
	assert_int_equal(eventfd_read(loop.wake_fd, &count), 0);
	assert_int_equal(count, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_A_LOOP(test) cmocka_unit_test_setup_teardown(test, open_loop, close_loop)
		ON_A_LOOP(nothing_is_taken_where_nothing_was_posted),
		ON_A_LOOP(posts_are_taken_once_and_in_their_order),
		ON_A_LOOP(what_was_taken_can_be_posted_again),
		ON_A_LOOP(of_posts_by_many_threads_none_is_lost_and_each_keeps_their_order),
		ON_A_LOOP(a_loop_that_does_not_wait_is_not_woken),
		ON_A_LOOP(a_loop_that_waits_is_woken_once),
		ON_A_LOOP(a_loop_that_waits_is_woken_by_each_post),
		ON_A_LOOP(a_loop_gets_all_that_is_posted_in_a_rush),
	};

	return cmocka_run_group_tests_name("completion", tests, NULL, NULL);
}
