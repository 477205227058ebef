/* The pool: in which order its threads serve, what can be taken back, and what hangs. */
#include <config.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "dispatch/pool.h"
#include "dispatch/request.h"
#include "process/loop.h"

enum {
	QUEUE_LENGTH = 4000,
	TASKS_MAX = 3 * QUEUE_LENGTH,
	PATIENCE_MS = 60000,
	SLICE_US = 1000, /* as the pool has it */
};

/* A message, and what its handler does before it returns. */
struct task {
	struct request request;
	char name;                /* as it stands in the record */
	unsigned linger_us;       /* it takes so long */
	const _Atomic bool *gate; /* NULL; or it waits until this is true */
	enum pf_verdict verdict;  /* what it returns */
	struct job *urgent;       /* NULL; or it submits that, as the loop could just then */
	bool keeps;               /* as api->keep does */
	_Atomic unsigned runs;    /* times that it has begun */
};

static enum pf_verdict on_message(struct pf_request *public);

static struct service service = { .module = { .message = on_message } };
static uint32_t handler_ns; /* what the pool believes of its handlers at first */
static struct loop loop;    /* one that never waits: it is not woken */
static struct completion completion;
static struct pool pool;
static struct task *tasks;
static unsigned task_count;
static char record[TASKS_MAX + 1]; /* names, in the order in which they began */
static _Atomic unsigned recorded;
static _Atomic unsigned running; /* handlers */
static unsigned over;            /* jobs */
static unsigned posted_done;     /* requests of the job that was posted last */

/* As the loop does when nothing more comes. */
static void
flush(void)
{
	do
		pool_flush(&pool);
	while (pool_has_staged(&pool));
}

static void
submit_now(struct job *job)
{
	job_seal(job);
	pool_submit(&pool, job);
	flush();
}

static enum pf_verdict
on_message(struct pf_request *public)
{
	struct task *task =
		container_of(container_of(public, struct request, public), struct task, request);
	const struct timespec turn = { .tv_nsec = 200000 };
	const int64_t until_us = clock_monotonic_us() + task->linger_us;

	record[atomic_fetch_add(&recorded, 1)] = task->name;
	atomic_fetch_add(&task->runs, 1);
	atomic_fetch_add(&running, 1);
	if (task->urgent != NULL)
		submit_now(task->urgent);
	while (task->linger_us > 0 && clock_monotonic_us() <= until_us)
		continue;
	while (task->gate != NULL && !atomic_load(task->gate))
		nanosleep(&turn, NULL);
	if (task->keeps)
		task->request.kept = true;
	atomic_fetch_sub(&running, 1);
	return task->verdict;
}

/* As the loop does; a test frees its jobs when all are over. */
static void
collect(void)
{
	struct post *post = completion_take(&completion);

	while (post != NULL) {
		struct job *job = container_of(post, struct job, post);

		post = post->next;
		posted_done = atomic_load(&job->done);
		over += (atomic_fetch_and(&job->flags, ~(unsigned)JOB_POSTED) & JOB_OVER) != 0;
	}
}

/* Polls, and collects meanwhile, until IS_TRUE of ARG. */
static void
wait_until(bool (*is_true)(unsigned arg), unsigned arg)
{
	const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
	const struct timespec turn = { .tv_nsec = 200000 };

	for (;;) {
		collect();
		if (is_true(arg))
			return;
		if (clock_monotonic_ms() > until_ms)
			fail_msg("gave up waiting");
		nanosleep(&turn, NULL);
	}
}

static bool
are_over(unsigned jobs)
{
	return over == jobs;
}

static bool
are_running(unsigned handlers)
{
	return atomic_load(&running) == handlers;
}

static unsigned
count_alive(void)
{
	unsigned alive;

	pthread_mutex_lock(&pool.lock);
	alive = pool.alive;
	pthread_mutex_unlock(&pool.lock);
	return alive;
}

static bool
are_alive(unsigned threads)
{
	return count_alive() == threads;
}

static bool
are_idle(unsigned threads)
{
	bool idle;

	pthread_mutex_lock(&pool.lock);
	idle = pool.idle == threads;
	pthread_mutex_unlock(&pool.lock);
	return idle;
}

static void
open_pool(unsigned threads)
{
	const struct config config = { .threads = threads, .queue_length = QUEUE_LENGTH };

	pool_open(&pool, &config, &completion);
}

static void
start_pool(void)
{
	struct error error;

	assert_int_equal(pool_start(&pool, &error), 0);
}

static int
setup(void **state PF_UNUSED)
{
	completion = (struct completion){ .loop = &loop };
	tasks = calloc(TASKS_MAX, sizeof(*tasks));
	task_count = over = posted_done = 0;
	memset(record, 0, sizeof(record));
	atomic_store(&recorded, 0);
	atomic_store(&running, 0);
	service.module.flags = 0;
	atomic_store(&service.handler_ns, handler_ns);
	return tasks != NULL ? 0 : -1;
}

static int
teardown(void **state PF_UNUSED)
{
	free(tasks);
	return 0;
}

static struct job *
make_job(enum config_priority priority)
{
	struct job *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	job->priority = priority;
	job->service = &service;
	return job;
}

static struct task *
add_task(struct job *job, char name)
{
	struct task *task = &tasks[task_count++];

	assert_true(task_count <= TASKS_MAX && job->count < JOB_MAX);
	task->name = name;
	task->request.service = &service;
	task->request.measured = true;
	job->requests[job->count++] = &task->request;
	return task;
}

static void
submit(struct job *job)
{
	job_seal(job);
	pool_submit(&pool, job);
}

/* A job of a message for each letter of NAMES. */
static struct job *
submit_job(enum config_priority priority, const char *names)
{
	struct job *job = make_job(priority);

	for (; *names != '\0'; names++)
		add_task(job, *names);
	submit(job);
	return job;
}

/* A job whose first message waits for GATE; it is running when this returns. */
static struct job *
submit_hanging(enum config_priority priority, const char *names, const _Atomic bool *gate)
{
	const unsigned before = atomic_load(&running);
	struct job *job = make_job(priority);

	for (; *names != '\0'; names++)
		add_task(job, *names);
	container_of(job->requests[0], struct task, request)->gate = gate;
	submit(job);
	flush();
	wait_until(are_running, before + 1);
	return job;
}

static void
open_gate(_Atomic bool *gate)
{
	atomic_store(gate, true);
}

static unsigned
count_runs(const struct job *job, unsigned index)
{
	return atomic_load(&container_of(job->requests[index], struct task, request)->runs);
}

static void
assert_all_room(void)
{
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		assert_int_equal(pool_room(&pool, (enum config_priority)i), QUEUE_LENGTH);
		assert_true(pool_is_relieved(&pool, (enum config_priority)i));
	}
}

/* Ends a pool of which no handler runs. */
static void
stop_pool(void)
{
	assert_true(pool_stop(&pool));
	assert_int_equal(count_alive(), 0);
}

/* In which order. */

enum {
	ROUND = 84,
};

static const struct {
	char name;
	unsigned share; /* of a round */
} shares[] = {
	[CONFIG_PRIORITY_HIGH] = { 'H', 64 },
	[CONFIG_PRIORITY_NORMAL] = { 'N', 16 },
	[CONFIG_PRIORITY_LOW] = { 'L', 4 },
};

/*
 * Has so many THREADS serve three queues of jobs of LENGTH messages, each of LINGER_US; none is
 * empty before the ROUNDS are over.
 */
static void
serve_rounds(unsigned threads, unsigned length, unsigned rounds, unsigned linger_us)
{
	struct job *jobs[TASKS_MAX];
	unsigned job_count = 0;

	open_pool(threads);
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		/* Besides, each thread may hold a job, which does not wait. */
		const unsigned most = rounds * shares[i].share + (threads + 1) * length;

		for (unsigned sum = 0; sum < most; sum += length) {
			struct job *job = make_job((enum config_priority)i);

			while (job->count < length)
				add_task(job, shares[i].name)->linger_us = linger_us;
			submit(job);
			jobs[job_count++] = job;
		}
	}
	flush();
	start_pool();
	wait_until(are_over, job_count);
	assert_all_room();
	stop_pool();
	while (job_count > 0)
		free(jobs[--job_count]);
}

/* How often one of that priority is in the record from AT up to END. */
static unsigned
count_handled(unsigned priority, unsigned at, unsigned end)
{
	unsigned count = 0;

	for (; at < end; at++)
		count += record[at] == shares[priority].name;
	return count;
}

/* One thread keeps the shares of each round exactly. */
static void
check_shares(unsigned length, unsigned rounds, unsigned linger_us)
{
	serve_rounds(1, length, rounds, linger_us);
	for (unsigned at = 0; at < rounds * ROUND; at += ROUND) {
		for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++)
			assert_int_equal(count_handled(i, at, at + ROUND), shares[i].share);
	}
}

/* Several are in rounds of their own by what they hold, but nobody loses over all of them. */
static void
several_threads_that_interrupt_each_other_keep_the_shares(void **state PF_UNUSED)
{
	const unsigned rounds = 6;

	serve_rounds(3, 20, rounds, 1200);
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++) {
		const unsigned share = rounds * shares[i].share;
		const unsigned count = count_handled(i, 0, rounds * ROUND);

		print_message("%c %u of %u\n", shares[i].name, count, share);
		assert_in_range(count, share - share / 10 - 3, share + share / 10 + 3);
	}
}

static void
queues_that_all_hold_enough_are_served_by_weights(void **state PF_UNUSED)
{
	check_shares(1, 10, 0);
}

static void
weights_count_messages_and_not_jobs(void **state PF_UNUSED)
{
	check_shares(7, 10, 0);
}

static void
so_they_do_with_jobs_as_long_as_can_be(void **state PF_UNUSED)
{
	check_shares(JOB_MAX, 10, 0);
}

/* What a job was granted and did not use is its queue's. */
static void
so_they_do_with_jobs_that_wait_after_each_message(void **state PF_UNUSED)
{
	check_shares(7, 2, SLICE_US + 1);
}

static unsigned
submit_many(enum config_priority priority, unsigned count, struct job **jobs)
{
	char names[JOB_MAX + 1] = { 0 };

	memset(names, shares[priority].name, JOB_MAX);
	for (unsigned i = 0; i < count; i++)
		jobs[i] = submit_job(priority, names);
	flush();
	return count;
}

/* The low queue gets credit while all that it has is behind a message that hangs. */
static void
rounds_that_a_queue_could_not_use_are_not_all_saved_up(void **state PF_UNUSED)
{
	enum {
		MISSED = 20, /* rounds */
		KEPT = 4,
		WATCHED = 2,
	};
	const unsigned share = shares[CONFIG_PRIORITY_LOW].share;
	_Atomic bool gates[2] = { false };
	struct job *jobs[2 + MISSED + 2 * WATCHED + 2];
	unsigned count = 0, at, low;

	open_pool(2);
	start_pool();
	jobs[count++] = submit_hanging(CONFIG_PRIORITY_LOW, "LLLL", &gates[0]);
	count += submit_many(CONFIG_PRIORITY_HIGH, MISSED, jobs + count);
	wait_until(are_over, MISSED);

	/* One thread serves what comes now, and both queues hold enough. */
	jobs[count++] = submit_hanging(CONFIG_PRIORITY_HIGH, "H", &gates[1]);
	count += submit_many(CONFIG_PRIORITY_HIGH, 2 * WATCHED, jobs + count);
	count += submit_many(CONFIG_PRIORITY_LOW, 2, jobs + count);
	at = atomic_load(&recorded);
	open_gate(&gates[0]);
	wait_until(are_over, count - 1);
	low = count_handled(CONFIG_PRIORITY_LOW, at, at + WATCHED * ROUND);
	open_gate(&gates[1]);
	wait_until(are_over, count);
	assert_all_room();
	stop_pool();
	while (count > 0)
		free(jobs[--count]);
	print_message("%u of the low queue in %u rounds\n", low, WATCHED);
	assert_in_range(low, KEPT * share, (KEPT + WATCHED + 1) * share);
}

static void
jobs_of_one_queue_are_served_in_their_order(void **state PF_UNUSED)
{
	struct job *jobs[26];

	open_pool(1);
	for (unsigned i = 0; i < 26; i++)
		jobs[i] = submit_job(CONFIG_PRIORITY_LOW, (char[]){ (char)('a' + i), '\0' });
	flush();
	start_pool();
	wait_until(are_over, 26);
	assert_string_equal(record, "abcdefghijklmnopqrstuvwxyz");
	stop_pool();
	for (unsigned i = 0; i < 26; i++)
		free(jobs[i]);
}

static void
a_less_urgent_job_is_interrupted_between_two_messages(void **state PF_UNUSED)
{
	_Atomic bool gate = false;
	struct job *low, *normal, *high;

	open_pool(1);
	start_pool();
	low = submit_hanging(CONFIG_PRIORITY_LOW, "abc", &gate);
	normal = submit_job(CONFIG_PRIORITY_NORMAL, "NN");
	high = submit_job(CONFIG_PRIORITY_HIGH, "HH");
	flush();
	open_gate(&gate);
	wait_until(are_over, 3);
	assert_string_equal(record, "aHHNNbc");
	assert_all_room();
	stop_pool();
	free(low);
	free(normal);
	free(high);
}

static void
an_urgent_job_is_not_interrupted_by_a_less_urgent_one(void **state PF_UNUSED)
{
	_Atomic bool gate = false;
	struct job *low, *high;

	open_pool(1);
	start_pool();
	high = submit_hanging(CONFIG_PRIORITY_HIGH, "HIJ", &gate);
	low = submit_job(CONFIG_PRIORITY_LOW, "ab");
	flush();
	open_gate(&gate);
	wait_until(are_over, 2);
	assert_string_equal(record, "HIJab");
	stop_pool();
	free(low);
	free(high);
}

static void
a_job_that_has_had_its_slice_waits_behind_its_equals(void **state PF_UNUSED)
{
	struct job *dear, *cheap;

	open_pool(1);
	dear = make_job(CONFIG_PRIORITY_NORMAL);
	add_task(dear, 'a')->linger_us = 3 * SLICE_US;
	add_task(dear, 'b')->linger_us = 3 * SLICE_US;
	add_task(dear, 'c');
	submit(dear);
	cheap = submit_job(CONFIG_PRIORITY_NORMAL, "x");
	flush();
	start_pool();
	wait_until(are_over, 2);
	assert_string_equal(record, "axbc");
	stop_pool();
	free(dear);
	free(cheap);
}

/* Returns whether the low job had had its slice, which a slow machine makes long. */
static bool
interrupt_before_equals(void)
{
	struct job *jobs[] = { make_job(CONFIG_PRIORITY_HIGH), make_job(CONFIG_PRIORITY_LOW),
		NULL };
	const struct request *first;
	bool had_slice;

	setup(NULL);
	open_pool(1);
	add_task(jobs[0], 'H');
	add_task(jobs[1], 'a')->urgent = jobs[0];
	add_task(jobs[1], 'b');
	submit(jobs[1]);
	jobs[2] = submit_job(CONFIG_PRIORITY_LOW, "x");
	flush();
	start_pool();
	wait_until(are_over, 3);
	stop_pool();
	first = jobs[1]->requests[0];
	had_slice = first->ended_us - first->begun_us > SLICE_US;
	assert_string_equal(record, had_slice ? "aHxb" : "aHbx");
	for (unsigned i = 0; i < countof(jobs); i++)
		free(jobs[i]);
	teardown(NULL);
	return had_slice;
}

static void
a_job_interrupted_within_its_slice_waits_before_its_equals(void **state PF_UNUSED)
{
	const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (interrupt_before_equals())
		assert_true(clock_monotonic_ms() < until_ms);
}

/* What flushes hand over is counted by what is left. */
static void
cheap_jobs_wait_for_others_as_long_as_there_come_more(void **state PF_UNUSED)
{
	struct job *jobs[4];

	atomic_store(&service.handler_ns, 0);
	open_pool(1);
	jobs[0] = submit_job(CONFIG_PRIORITY_NORMAL, "a");
	pool_flush(&pool);
	assert_false(pool_has_staged(&pool)); /* one alone */
	jobs[1] = submit_job(CONFIG_PRIORITY_NORMAL, "b");
	jobs[2] = submit_job(CONFIG_PRIORITY_NORMAL, "c");
	pool_flush(&pool);
	assert_true(pool_has_staged(&pool));
	pool_flush(&pool);
	assert_false(pool_has_staged(&pool)); /* nothing new had come */
	jobs[3] = submit_job(CONFIG_PRIORITY_NORMAL, "d");
	start_pool();
	pool_flush(&pool);
	wait_until(are_over, 4);
	assert_string_equal(record, "abcd");
	stop_pool();
	for (unsigned i = 0; i < countof(jobs); i++)
		free(jobs[i]);
}

static void
a_dear_job_waits_for_no_other(void **state PF_UNUSED)
{
	struct job *jobs[2];

	open_pool(1);
	start_pool();
	for (unsigned i = 0; i < countof(jobs); i++)
		jobs[i] = submit_job(CONFIG_PRIORITY_NORMAL, "x");
	pool_flush(&pool);
	assert_false(pool_has_staged(&pool));
	wait_until(are_over, 2);
	stop_pool();
	for (unsigned i = 0; i < countof(jobs); i++)
		free(jobs[i]);
}

/* The thread that was woken for the dear one has perhaps not come to it yet. */
static void
a_cheap_job_does_not_wait_for_a_dear_one_that_was_handed_over_before(void **state PF_UNUSED)
{
	enum {
		ATTEMPTS = 300,
	};
	struct service cheap = { .module = service.module };

	open_pool(2);
	start_pool();
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		_Atomic bool gate = false;
		struct job *jobs[2] = { make_job(CONFIG_PRIORITY_NORMAL),
			make_job(CONFIG_PRIORITY_NORMAL) };

		wait_until(are_idle, 2);
		atomic_store(&service.handler_ns, handler_ns);
		atomic_store(&cheap.handler_ns, 0);
		over = 0;
		jobs[1]->service = &cheap;
		add_task(jobs[0], 'd')->gate = &gate;
		add_task(jobs[1], 'c')->request.service = &cheap;
		submit(jobs[0]);
		flush();
		submit(jobs[1]);
		flush();
		wait_until(are_over, 1);
		open_gate(&gate);
		wait_until(are_over, 2);
		free(jobs[0]);
		free(jobs[1]);
	}
	stop_pool();
}

static bool
are_done_and_posted(unsigned count)
{
	return posted_done == count;
}

static void
what_is_done_is_posted_before_a_long_rest(void **state PF_UNUSED)
{
	_Atomic bool gate = false;
	struct job *job = make_job(CONFIG_PRIORITY_NORMAL);

	open_pool(1);
	start_pool();
	add_task(job, 'a')->linger_us = 3 * SLICE_US;
	add_task(job, 'b')->gate = &gate;
	submit(job);
	flush();
	wait_until(are_done_and_posted, 1);
	open_gate(&gate);
	wait_until(are_over, 1);
	assert_string_equal(record, "ab");
	stop_pool();
	free(job);
}

/* What can be had back. */

static void
assert_taken_back(struct job *job, unsigned expected_first, unsigned expected_end, bool is_over)
{
	unsigned first, end;
	bool job_over;

	first = pool_take_back(&pool, job, &end, &job_over);
	assert_int_equal(first, expected_first);
	assert_int_equal(end, expected_end);
	assert_int_equal(job_over, is_over);
}

static void
queued_jobs_are_taken_back_whole_from_any_place(void **state PF_UNUSED)
{
	struct job *jobs[6];

	open_pool(1);
	for (unsigned i = 0; i < 6; i++) {
		jobs[i] =
			submit_job(CONFIG_PRIORITY_NORMAL, (char[]){ (char)('a' + i), 'x', '\0' });
		if (i == 2)
			flush(); /* the others are only staged */
	}
	assert_taken_back(jobs[1], 0, 2, true);
	assert_taken_back(jobs[2], 0, 2, true);
	assert_taken_back(jobs[3], 0, 2, true);
	assert_taken_back(jobs[5], 0, 2, true);
	assert_int_equal(pool_room(&pool, CONFIG_PRIORITY_NORMAL), QUEUE_LENGTH - 4);
	flush();
	start_pool();
	wait_until(are_over, 2);
	assert_string_equal(record, "axex");
	assert_all_room();
	stop_pool();
	for (unsigned i = 0; i < 6; i++)
		free(jobs[i]);
}

static void
a_pool_goes_on_when_all_that_was_queued_is_taken_back(void **state PF_UNUSED)
{
	struct job *gone, *later;

	open_pool(1);
	start_pool();
	wait_until(are_idle, 1);
	gone = submit_job(CONFIG_PRIORITY_HIGH, "abc");
	assert_taken_back(gone, 0, 3, true);
	flush();
	later = submit_job(CONFIG_PRIORITY_LOW, "x");
	flush();
	wait_until(are_over, 1);
	assert_string_equal(record, "x");
	assert_all_room();
	stop_pool();
	free(gone);
	free(later);
}

static void
of_a_running_job_what_has_not_begun_is_taken_back(void **state PF_UNUSED)
{
	_Atomic bool gate = false;
	struct job *job;

	open_pool(1);
	start_pool();
	job = submit_hanging(CONFIG_PRIORITY_NORMAL, "abcd", &gate);
	assert_int_equal(pool_room(&pool, CONFIG_PRIORITY_NORMAL), QUEUE_LENGTH - 3);
	assert_taken_back(job, 1, 4, false);
	assert_all_room();
	assert_taken_back(job, 1, 1, false);
	open_gate(&gate);
	wait_until(are_over, 1);
	assert_taken_back(job, 1, 1, false);
	assert_string_equal(record, "a");
	assert_int_equal(atomic_load(&job->done), 1);
	assert_all_room();
	stop_pool();
	free(job);
}

static void
an_interrupted_job_is_taken_back_from_the_queue(void **state PF_UNUSED)
{
	_Atomic bool low_gate = false, high_gate = false;
	struct job *low, *high;

	open_pool(1);
	start_pool();
	low = submit_hanging(CONFIG_PRIORITY_LOW, "abc", &low_gate);
	high = make_job(CONFIG_PRIORITY_HIGH);
	add_task(high, 'H')->gate = &high_gate;
	submit(high);
	flush();
	open_gate(&low_gate);
	while (count_runs(high, 0) == 0)
		wait_until(are_running, 1);
	assert_taken_back(low, 1, 3, true);
	open_gate(&high_gate);
	wait_until(are_over, 1);
	assert_string_equal(record, "aH");
	assert_all_room();
	stop_pool();
	free(low);
	free(high);
}

static void
a_message_that_closes_ends_its_job(void **state PF_UNUSED)
{
	struct job *job = make_job(CONFIG_PRIORITY_NORMAL);

	open_pool(1);
	add_task(job, 'a');
	add_task(job, 'b')->verdict = PF_CLOSE;
	add_task(job, 'c');
	submit(job);
	flush();
	start_pool();
	wait_until(are_over, 1);
	assert_string_equal(record, "ab");
	assert_int_equal(atomic_load(&job->done), 2);
	assert_all_room();
	stop_pool();
	free(job);
}

static void
check_kept(unsigned flags, const char *expected)
{
	struct job *job = make_job(CONFIG_PRIORITY_NORMAL);

	open_pool(1);
	service.module.flags = flags;
	add_task(job, 'a')->keeps = true;
	add_task(job, 'b');
	submit(job);
	flush();
	start_pool();
	wait_until(are_over, 1);
	assert_string_equal(record, expected);
	assert_true(job->requests[0]->pending);
	assert_all_room();
	stop_pool();
	free(job);
}

static void
a_kept_message_ends_its_job(void **state PF_UNUSED)
{
	check_kept(PF_MODULE_THREADS, "a");
}

static void
a_kept_message_of_a_concurrent_module_does_not(void **state PF_UNUSED)
{
	check_kept(PF_MODULE_THREADS | PF_MODULE_CONCURRENT, "ab");
}

/* Room. */

static void
room_is_counted_in_messages_and_by_queue(void **state PF_UNUSED)
{
	struct job *first, *second;

	open_pool(1);
	assert_all_room();
	first = submit_job(CONFIG_PRIORITY_LOW, "abc");
	assert_int_equal(pool_room(&pool, CONFIG_PRIORITY_LOW), QUEUE_LENGTH - 3);
	assert_int_equal(pool_room(&pool, CONFIG_PRIORITY_HIGH), QUEUE_LENGTH);
	second = submit_job(CONFIG_PRIORITY_HIGH, "ab");
	flush();
	assert_int_equal(pool_room(&pool, CONFIG_PRIORITY_LOW), QUEUE_LENGTH - 3);
	assert_int_equal(pool_room(&pool, CONFIG_PRIORITY_HIGH), QUEUE_LENGTH - 2);
	assert_taken_back(first, 0, 3, true);
	assert_taken_back(second, 0, 2, true);
	assert_all_room();
	free(first);
	free(second);
}

static void
a_queue_is_relieved_when_it_is_less_than_half_full(void **state PF_UNUSED)
{
	struct job *jobs[QUEUE_LENGTH / 40];

	open_pool(1);
	for (unsigned i = 0; i < countof(jobs); i++) {
		jobs[i] = make_job(CONFIG_PRIORITY_NORMAL);
		while (jobs[i]->count < 40)
			add_task(jobs[i], 'x');
		submit(jobs[i]);
	}
	assert_int_equal(pool_room(&pool, CONFIG_PRIORITY_NORMAL), 0);
	for (unsigned i = 0; i < countof(jobs); i++) {
		unsigned left = QUEUE_LENGTH - 40 * i;

		assert_int_equal(
			pool_is_relieved(&pool, CONFIG_PRIORITY_NORMAL), left < QUEUE_LENGTH / 2);
		assert_taken_back(jobs[i], 0, 40, true);
		free(jobs[i]);
	}
	assert_all_room();
}

/* Jobs of all lengths and priorities, some taken back at random: each message runs or comes back.
 */
static void
under_load_each_message_runs_or_is_taken_back(void **state PF_UNUSED)
{
	enum {
		JOBS = 300,
	};
	struct job *jobs[JOBS];
	unsigned random = 7, taken = 0, expected_over = JOBS;

	open_pool(4);
	start_pool();
	for (unsigned i = 0; i < JOBS; i++) {
		unsigned length = 1 + (unsigned)rand_r(&random) % 30;
		unsigned victim, first, end;
		bool is_over;

		jobs[i] = make_job((enum config_priority)(rand_r(&random) % 3));
		while (jobs[i]->count < length)
			add_task(jobs[i], 'x')->linger_us = (unsigned)rand_r(&random) % 50;
		submit(jobs[i]);
		if (rand_r(&random) % 4 > 0)
			flush();
		victim = (unsigned)rand_r(&random) % (i + 1);
		first = pool_take_back(&pool, jobs[victim], &end, &is_over);
		for (; first < end; first++) {
			taken++;
			atomic_fetch_add(
				&container_of(jobs[victim]->requests[first], struct task, request)
					 ->runs,
				1);
		}
		expected_over -= is_over;
		collect();
	}
	flush();
	wait_until(are_over, expected_over);
	assert_int_equal(atomic_load(&recorded) + taken, task_count);
	for (unsigned i = 0; i < task_count; i++)
		assert_int_equal(atomic_load(&tasks[i].runs), 1);
	assert_all_room();
	stop_pool();
	for (unsigned i = 0; i < JOBS; i++)
		free(jobs[i]);
}

/* What hangs. */

static void
a_thread_that_hangs_is_replaced(void **state PF_UNUSED)
{
	_Atomic bool gate = false;
	struct job *hanging, *other;

	open_pool(2);
	start_pool();
	hanging = submit_hanging(CONFIG_PRIORITY_NORMAL, "a", &gate);
	(void)!pool_give_up(&pool, hanging);
	assert_false(pool_lost(&pool) >= pool.threads);
	assert_int_equal(count_alive(), 3);
	other = submit_job(CONFIG_PRIORITY_NORMAL, "xyz");
	flush();
	wait_until(are_over, 1);
	assert_string_equal(record, "axyz");
	open_gate(&gate);
	wait_until(are_over, 2);
	wait_until(are_alive, 2);
	stop_pool();
	free(hanging);
	free(other);
}

/* What is thought cheap has its begin in common with those before it, which may have taken long. */
static void
when_a_handler_was_called_is_known_unless_it_seemed_cheap(void **state PF_UNUSED)
{
	_Atomic bool gate = false;
	struct job *job = make_job(CONFIG_PRIORITY_NORMAL);

	open_pool(1);
	start_pool();
	add_task(job, 'a')->linger_us = SLICE_US / 2;
	add_task(job, 'b')->gate = &gate;
	submit(job);
	flush();
	while (count_runs(job, 1) == 0)
		wait_until(are_running, 1);
	assert_int_equal(job_begun_is_exact(job), handler_ns > 0);
	open_gate(&gate);
	wait_until(are_over, 1);
	stop_pool();
	free(job);
}

static void
a_job_given_up_twice_is_one_thread(void **state PF_UNUSED)
{
	_Atomic bool gate = false;
	struct job *hanging;

	open_pool(2);
	start_pool();
	hanging = submit_hanging(CONFIG_PRIORITY_NORMAL, "a", &gate);
	(void)!pool_give_up(&pool, hanging);
	assert_false(pool_lost(&pool) >= pool.threads);
	(void)!pool_give_up(&pool, hanging);
	assert_false(pool_lost(&pool) >= pool.threads);
	assert_int_equal(count_alive(), 3);
	open_gate(&gate);
	wait_until(are_over, 1);
	wait_until(are_alive, 2);
	stop_pool();
	free(hanging);
}

static void
a_job_that_no_thread_has_is_no_loss(void **state PF_UNUSED)
{
	struct job *queued, *ended;

	open_pool(1);
	queued = submit_job(CONFIG_PRIORITY_NORMAL, "a");
	flush();
	(void)!pool_give_up(&pool, queued);
	assert_false(pool_lost(&pool) >= pool.threads);
	assert_taken_back(queued, 0, 1, true);
	start_pool();
	ended = submit_job(CONFIG_PRIORITY_NORMAL, "b");
	flush();
	wait_until(are_over, 1);
	(void)!pool_give_up(&pool, ended);
	assert_false(pool_lost(&pool) >= pool.threads);
	assert_int_equal(count_alive(), 1);
	stop_pool();
	free(queued);
	free(ended);
}

static void
a_pool_is_exhausted_when_it_has_lost_all_its_threads(void **state PF_UNUSED)
{
	_Atomic bool gates[4] = { false };
	struct job *jobs[4];

	open_pool(2);
	start_pool();
	jobs[0] = submit_hanging(CONFIG_PRIORITY_LOW, "a", &gates[0]);
	(void)!pool_give_up(&pool, jobs[0]);
	assert_false(pool_lost(&pool) >= pool.threads);
	jobs[1] = submit_hanging(CONFIG_PRIORITY_LOW, "b", &gates[1]);
	(void)!pool_give_up(&pool, jobs[1]);
	assert_true(pool_lost(&pool) >= pool.threads);
	assert_int_equal(count_alive(), 4);

	/* Those that came for them still work, but nobody comes for these. */
	jobs[2] = submit_hanging(CONFIG_PRIORITY_HIGH, "c", &gates[2]);
	jobs[3] = submit_hanging(CONFIG_PRIORITY_HIGH, "d", &gates[3]);
	(void)!pool_give_up(&pool, jobs[2]);
	assert_true(pool_lost(&pool) >= pool.threads);
	(void)!pool_give_up(&pool, jobs[3]);
	assert_true(pool_lost(&pool) >= pool.threads);
	assert_int_equal(count_alive(), 4);

	for (unsigned i = 0; i < 4; i++)
		open_gate(&gates[i]);
	wait_until(are_over, 4);
	wait_until(are_alive, 2);
	assert_all_room();
	stop_pool();
	for (unsigned i = 0; i < 4; i++)
		free(jobs[i]);
}

static void
a_thread_that_comes_back_is_one_too_many_and_ends(void **state PF_UNUSED)
{
	_Atomic bool gates[2] = { false };
	struct job *first, *second;

	open_pool(1);
	start_pool();
	first = submit_hanging(CONFIG_PRIORITY_NORMAL, "a", &gates[0]);
	(void)!pool_give_up(&pool, first);
	assert_true(pool_lost(&pool) >= pool.threads);
	assert_int_equal(count_alive(), 2);
	open_gate(&gates[0]);
	wait_until(are_over, 1);
	wait_until(are_alive, 1);

	/* And then the next loss is the first one again. */
	second = submit_hanging(CONFIG_PRIORITY_NORMAL, "b", &gates[1]);
	(void)!pool_give_up(&pool, second);
	assert_true(pool_lost(&pool) >= pool.threads);
	assert_int_equal(count_alive(), 2);
	open_gate(&gates[1]);
	wait_until(are_over, 2);
	wait_until(are_alive, 1);
	stop_pool();
	free(first);
	free(second);
}

static void
the_rest_of_a_job_that_hung_is_served_when_its_thread_comes_back(void **state PF_UNUSED)
{
	_Atomic bool gate = false;
	struct job *job;

	open_pool(1);
	start_pool();
	job = submit_hanging(CONFIG_PRIORITY_NORMAL, "abc", &gate);
	(void)!pool_give_up(&pool, job);
	assert_true(pool_lost(&pool) >= pool.threads);
	open_gate(&gate);
	wait_until(are_over, 1);
	assert_string_equal(record, "abc");
	wait_until(are_alive, 1);
	stop_pool();
	free(job);
}

/* The end. */

static void
an_idle_pool_stops(void **state PF_UNUSED)
{
	open_pool(8);
	start_pool();
	assert_int_equal(count_alive(), 8);
	wait_until(are_idle, 8);
	stop_pool();
}

static void
a_pool_stops_before_its_threads_have_begun(void **state PF_UNUSED)
{
	for (unsigned i = 0; i < 100; i++) {
		open_pool(4);
		start_pool();
		stop_pool();
	}
}

static void
a_pool_without_threads_stops(void **state PF_UNUSED)
{
	open_pool(4);
	stop_pool();
}

static void
a_pool_in_which_a_handler_hangs_does_not_stop(void **state PF_UNUSED)
{
	const int64_t begin_ms = clock_monotonic_ms();
	_Atomic bool gate = false;
	struct job *job;

	open_pool(3);
	start_pool();
	job = submit_hanging(CONFIG_PRIORITY_NORMAL, "a", &gate);
	assert_false(pool_stop(&pool));
	assert_in_range(clock_monotonic_ms() - begin_ms, 400, PATIENCE_MS);
	assert_int_equal(count_alive(), 1);
	open_gate(&gate);
	wait_until(are_over, 1);
	wait_until(are_alive, 0);
	assert_true(pool_stop(&pool));
	free(job);
}

int
main(void)
{
#define OF_A_POOL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest timed[] = {
		OF_A_POOL(a_job_that_has_had_its_slice_waits_behind_its_equals),
		cmocka_unit_test(a_job_interrupted_within_its_slice_waits_before_its_equals),
		OF_A_POOL(what_is_done_is_posted_before_a_long_rest),
		OF_A_POOL(cheap_jobs_wait_for_others_as_long_as_there_come_more),
		OF_A_POOL(a_dear_job_waits_for_no_other),
		OF_A_POOL(a_cheap_job_does_not_wait_for_a_dear_one_that_was_handed_over_before),
	};
	const struct CMUnitTest tests[] = {
		OF_A_POOL(queues_that_all_hold_enough_are_served_by_weights),
		OF_A_POOL(several_threads_that_interrupt_each_other_keep_the_shares),
		OF_A_POOL(weights_count_messages_and_not_jobs),
		OF_A_POOL(so_they_do_with_jobs_as_long_as_can_be),
		OF_A_POOL(so_they_do_with_jobs_that_wait_after_each_message),
		OF_A_POOL(rounds_that_a_queue_could_not_use_are_not_all_saved_up),
		OF_A_POOL(jobs_of_one_queue_are_served_in_their_order),
		OF_A_POOL(a_less_urgent_job_is_interrupted_between_two_messages),
		OF_A_POOL(an_urgent_job_is_not_interrupted_by_a_less_urgent_one),
		OF_A_POOL(queued_jobs_are_taken_back_whole_from_any_place),
		OF_A_POOL(a_pool_goes_on_when_all_that_was_queued_is_taken_back),
		OF_A_POOL(of_a_running_job_what_has_not_begun_is_taken_back),
		OF_A_POOL(an_interrupted_job_is_taken_back_from_the_queue),
		OF_A_POOL(a_message_that_closes_ends_its_job),
		OF_A_POOL(a_kept_message_ends_its_job),
		OF_A_POOL(a_kept_message_of_a_concurrent_module_does_not),
		OF_A_POOL(room_is_counted_in_messages_and_by_queue),
		OF_A_POOL(a_queue_is_relieved_when_it_is_less_than_half_full),
		OF_A_POOL(under_load_each_message_runs_or_is_taken_back),
		OF_A_POOL(a_thread_that_hangs_is_replaced),
		OF_A_POOL(when_a_handler_was_called_is_known_unless_it_seemed_cheap),
		OF_A_POOL(a_job_given_up_twice_is_one_thread),
		OF_A_POOL(a_job_that_no_thread_has_is_no_loss),
		OF_A_POOL(a_pool_is_exhausted_when_it_has_lost_all_its_threads),
		OF_A_POOL(a_thread_that_comes_back_is_one_too_many_and_ends),
		OF_A_POOL(the_rest_of_a_job_that_hung_is_served_when_its_thread_comes_back),
		OF_A_POOL(an_idle_pool_stops),
		OF_A_POOL(a_pool_stops_before_its_threads_have_begun),
		OF_A_POOL(a_pool_without_threads_stops),
		OF_A_POOL(a_pool_in_which_a_handler_hangs_does_not_stop),
	};
	int failed;

	handler_ns = 1000000;
	failed = cmocka_run_group_tests_name("pool, the clock is read for each", timed, NULL, NULL);
	failed += cmocka_run_group_tests_name("pool, handlers seem dear", tests, NULL, NULL);
	handler_ns = 0;
	failed += cmocka_run_group_tests_name("pool, handlers seem cheap", tests, NULL, NULL);
	return failed;
}
