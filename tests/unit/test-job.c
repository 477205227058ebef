/* Jobs: each request is begun by the thread or taken back, and each job comes back once. */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "dispatch/dispatch.h"
#include "process/loop.h"

enum {
	ROUNDS = 20000,
	SPINS = 2000,
	DELAY_MAX = 300, /* turns of an empty loop, between what two threads do */
	PATIENCE_MS = 60000,
};

/* What stands for requests: only their addresses count. */
static struct request requests[JOB_MAX];
static struct job job;

static void
seal(unsigned count)
{
	job = (struct job){ .count = count };
	for (unsigned i = 0; i < count; i++)
		job.requests[i] = &requests[i];
	job_seal(&job);
}

static void
assert_taken_back(unsigned expected_first, unsigned expected_end)
{
	unsigned end, first = job_take_back(&job, &end);

	assert_int_equal(first, expected_first);
	assert_int_equal(end, expected_end);
}

static void
requests_begin_in_their_order(void **state PF_UNUSED)
{
	seal(JOB_MAX);
	for (unsigned i = 0; i < JOB_MAX; i++) {
		assert_int_equal(job_left(&job), JOB_MAX - i);
		assert_ptr_equal(job_begin(&job), &requests[i]);
	}
	assert_int_equal(job_left(&job), 0);
	assert_null(job_begin(&job));
	assert_null(job_begin(&job));
}

static void
before_it_is_sealed_nothing_of_a_job_begins(void **state PF_UNUSED)
{
	job = (struct job){ .count = 1, .requests = { &requests[0] } };
	assert_int_equal(job_left(&job), 0);
	assert_null(job_begin(&job));
	job_seal(&job);
	assert_ptr_equal(job_begin(&job), &requests[0]);
}

static void
what_is_taken_back_does_not_begin(void **state PF_UNUSED)
{
	seal(5);
	assert_ptr_equal(job_begin(&job), &requests[0]);
	assert_ptr_equal(job_begin(&job), &requests[1]);
	assert_taken_back(2, 5);
	assert_int_equal(job_left(&job), 0);
	assert_null(job_begin(&job));
}

static void
a_job_that_has_not_begun_is_taken_back_whole(void **state PF_UNUSED)
{
	seal(JOB_MAX);
	assert_taken_back(0, JOB_MAX);
	assert_null(job_begin(&job));
}

static void
what_has_begun_or_was_taken_back_is_not_taken_back(void **state PF_UNUSED)
{
	seal(2);
	assert_non_null(job_begin(&job));
	assert_taken_back(1, 2);
	assert_taken_back(1, 1);
	seal(1);
	assert_non_null(job_begin(&job));
	assert_taken_back(1, 1);
}

static void
a_job_has_more_while_some_are_done_or_may_begin(void **state PF_UNUSED)
{
	seal(2);
	assert_true(job_has_more(&job));
	job_begin(&job);
	assert_taken_back(1, 2);
	assert_false(job_has_more(&job));
	atomic_fetch_add(&job.done, 1);
	assert_true(job_has_more(&job));
	job.collected = 1;
	assert_false(job_has_more(&job));
}

/* A thread begins, the loop takes back, round after round; in some both take back. */

struct race {
	/* Rounds: sealed by the loop, seen by the thread, left by it. */
	_Atomic unsigned sealed, seen, left;
	_Atomic bool ended;
	_Atomic unsigned wrong; /* requests out of their order */
	/* Of a round: who had which request. Each writes those that it was given, unlocked. */
	uint8_t begins[JOB_MAX], returns[JOB_MAX];
	unsigned stop_at; /* the thread takes back what is left once it has begun so many */
	unsigned yield_at;
	unsigned split; /* rounds in which both sides had some */
};

static void
delay(unsigned turns)
{
	for (volatile unsigned i = 0; i < turns; i++)
		;
}

/* Gives its processor up only after a while, so that two threads with one each meet. */
static bool
spin_until(const _Atomic unsigned *rounds, unsigned count)
{
	for (unsigned i = 0; i < SPINS; i++) {
		if (atomic_load(rounds) >= count)
			return true;
	}
	return false;
}

static void
take_rest(struct race *race)
{
	unsigned end, first = job_take_back(&job, &end);

	for (unsigned i = first; i < end; i++)
		race->returns[i]++;
}

static void
begin_all(struct race *race)
{
	const struct request *request;
	unsigned begun = 0;

	while (begun < race->stop_at && (request = job_begin(&job)) != NULL) {
		if (request == &requests[begun])
			race->begins[begun]++;
		else
			atomic_fetch_add(&race->wrong, 1);
		/* Where there is only one processor, the loop comes in here. */
		if (++begun == race->yield_at)
			sched_yield();
		delay(5);
	}
	take_rest(race);
}

static void *
begin_rounds(void *arg)
{
	struct race *race = arg;
	unsigned round = 0;

	while (!atomic_load(&race->ended)) {
		if (!spin_until(&race->sealed, round + 1)) {
			sched_yield();
			continue;
		}
		atomic_store(&race->seen, ++round);
		begin_all(race);
		atomic_store(&race->left, round);
	}
	return NULL;
}

static void
start_round(struct race *race, unsigned *random)
{
	unsigned count = 1 + (unsigned)rand_r(random) % JOB_MAX;

	seal(count);
	for (unsigned i = 0; i < count; i++)
		race->begins[i] = race->returns[i] = 0;
	race->stop_at = rand_r(random) % 2 == 0 ? JOB_MAX : (unsigned)rand_r(random) % JOB_MAX;
	race->yield_at = (unsigned)rand_r(random) % (2 * JOB_MAX);
	atomic_fetch_add(&race->sealed, 1);
}

static bool
wait_for(const _Atomic unsigned *rounds, unsigned count, int64_t until_ms)
{
	while (!spin_until(rounds, count)) {
		if (clock_monotonic_ms() > until_ms)
			return false;
		sched_yield();
	}
	return true;
}

/* How many requests of the round were not with exactly one side. */
static unsigned
count_astray(struct race *race)
{
	unsigned astray = 0;

	for (unsigned i = 0; i < job.count; i++)
		astray += race->begins[i] + race->returns[i] != 1;
	race->split += race->begins[0] == 1 && race->returns[job.count - 1] == 1;
	return astray;
}

/* Two threads that meet on one processor do not race. */
static void
pin(pthread_t thread, const cpu_set_t *allowed, int which)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	for (unsigned i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, allowed) && which-- == 0)
			CPU_SET(i, &one);
	}
	pthread_setaffinity_np(thread, sizeof(one), &one);
}

static void
each_request_is_begun_or_taken_back_and_never_both(void **state PF_UNUSED)
{
	const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct race race = { 0 };
	unsigned random = 7, astray = 0;
	bool in_time = true;
	cpu_set_t allowed;
	pthread_t thread;

	CPU_ZERO(&allowed);
	pthread_getaffinity_np(pthread_self(), sizeof(allowed), &allowed);
	assert_int_equal(pthread_create(&thread, NULL, begin_rounds, &race), 0);
	if (CPU_COUNT(&allowed) > 1) {
		pin(pthread_self(), &allowed, 0);
		pin(thread, &allowed, 1);
	}
	for (unsigned round = 1; round <= ROUNDS && in_time; round++) {
		start_round(&race, &random);
		in_time = wait_for(&race.seen, round, until_ms);
		delay((unsigned)rand_r(&random) % DELAY_MAX);
		take_rest(&race);
		in_time = in_time && wait_for(&race.left, round, until_ms);
		if (in_time)
			astray += count_astray(&race);
	}
	atomic_store(&race.ended, true);
	pthread_join(thread, NULL);
	pthread_setaffinity_np(pthread_self(), sizeof(allowed), &allowed);
	print_message("# %u of %u rounds were split\n", race.split, ROUNDS);
	assert_true(in_time);
	assert_int_equal(astray, 0);
	assert_int_equal(atomic_load(&race.wrong), 0);
}

/* The way back, as the loop sees it. */

struct seen {
	unsigned returned; /* times that the job came */
	unsigned over;
	unsigned done; /* at last */
};

static struct dispatch dispatch;
static struct seen seen;

static void
on_returned(void *arg PF_UNUSED, struct job *returned, bool over)
{
	seen.returned++;
	seen.over += over;
	seen.done = atomic_load(&returned->done);
}

static const struct dispatch_ops ops = { .returned = on_returned };
static struct loop loop;

static int
open_dispatch(void **state PF_UNUSED)
{
	const struct config config = { .threads = 1, .queue_length = 1000 };

	seen = (struct seen){ 0 };
	dispatch_open(&dispatch, &config, &loop, &ops, NULL);
	return 0;
}

static int
close_dispatch(void **state PF_UNUSED)
{
	dispatch_close(&dispatch);
	return 0;
}

static void
post(struct job *posted, bool over)
{
	job_put(posted, &dispatch.completion, over);
}

static void
assert_seen(unsigned returned, unsigned over)
{
	assert_int_equal(seen.returned, returned);
	assert_int_equal(seen.over, over);
}

static void
a_job_on_its_way_to_the_loop_is_not_posted_twice(void **state PF_UNUSED)
{
	struct job *posted = dispatch_new_job(&dispatch);

	assert_non_null(posted);
	post(posted, false);
	post(posted, false);
	dispatch_collect(&dispatch);
	assert_seen(1, 0);
	dispatch_collect(&dispatch);
	assert_seen(1, 0);
	dispatch_free_job(&dispatch, posted);
}

static void
a_job_that_the_loop_has_seen_is_posted_again(void **state PF_UNUSED)
{
	struct job *posted = dispatch_new_job(&dispatch);

	assert_non_null(posted);
	for (unsigned i = 1; i < 4; i++) {
		post(posted, false);
		dispatch_collect(&dispatch);
		assert_seen(i, 0);
	}
	post(posted, true);
	dispatch_collect(&dispatch);
	assert_seen(4, 1);
}

static void
a_job_that_ends_on_its_way_comes_once_and_is_over(void **state PF_UNUSED)
{
	struct job *posted = dispatch_new_job(&dispatch);

	assert_non_null(posted);
	post(posted, false);
	post(posted, true);
	dispatch_collect(&dispatch);
	assert_seen(1, 1);
	dispatch_collect(&dispatch);
	assert_seen(1, 1);
}

static void
a_job_that_is_over_is_used_again_as_an_empty_one(void **state PF_UNUSED)
{
	struct job *posted = dispatch_new_job(&dispatch), *again;

	assert_non_null(posted);
	posted->count = 1;
	posted->requests[0] = &requests[0];
	job_seal(posted);
	post(posted, true);
	dispatch_collect(&dispatch);
	again = dispatch_new_job(&dispatch);
	assert_ptr_equal(again, posted);
	assert_int_equal(again->count, 0);
	assert_int_equal(job_left(again), 0);
	assert_int_equal(atomic_load(&again->flags), 0);
	dispatch_free_job(&dispatch, again);
}

static void *
do_all(void *arg)
{
	struct job *own = arg;

	while (job_begin(own) != NULL) {
		atomic_fetch_add(&own->done, 1);
		post(own, job_left(own) == 0);
	}
	return NULL;
}

static void
what_a_thread_posts_as_it_goes_arrives_and_is_over_once(void **state PF_UNUSED)
{
	const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
	pthread_t thread;

	for (unsigned round = 1; round <= 500; round++) {
		struct job *posted = dispatch_new_job(&dispatch);

		assert_non_null(posted);
		for (posted->count = 0; posted->count < JOB_MAX; posted->count++)
			posted->requests[posted->count] = &requests[posted->count];
		job_seal(posted);
		assert_int_equal(pthread_create(&thread, NULL, do_all, posted), 0);
		while (seen.over < round && clock_monotonic_ms() < until_ms)
			dispatch_collect(&dispatch);
		pthread_join(thread, NULL);
		dispatch_collect(&dispatch);
		assert_int_equal(seen.over, round);
		assert_int_equal(seen.done, JOB_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_A_DISPATCH(test) cmocka_unit_test_setup_teardown(test, open_dispatch, close_dispatch)
		cmocka_unit_test(requests_begin_in_their_order),
		cmocka_unit_test(before_it_is_sealed_nothing_of_a_job_begins),
		cmocka_unit_test(what_is_taken_back_does_not_begin),
		cmocka_unit_test(a_job_that_has_not_begun_is_taken_back_whole),
		cmocka_unit_test(what_has_begun_or_was_taken_back_is_not_taken_back),
		cmocka_unit_test(a_job_has_more_while_some_are_done_or_may_begin),
		cmocka_unit_test(each_request_is_begun_or_taken_back_and_never_both),
		ON_A_DISPATCH(a_job_on_its_way_to_the_loop_is_not_posted_twice),
		ON_A_DISPATCH(a_job_that_the_loop_has_seen_is_posted_again),
		ON_A_DISPATCH(a_job_that_ends_on_its_way_comes_once_and_is_over),
		ON_A_DISPATCH(a_job_that_is_over_is_used_again_as_an_empty_one),
		ON_A_DISPATCH(what_a_thread_posts_as_it_goes_arrives_and_is_over_once),
	};

	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
