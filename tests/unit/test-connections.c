/* The connections of a worker by id: found by the loop, asked for by threads meanwhile. */
#include <config.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "net/connection.h"
#include "net/connections.h"

enum {
	MANY = 100000,
	ASKERS = 3,
	PASSED = 30000, /* connections that come and go while threads ask, at least */
	ASKED = 30000,  /* times that one was open, at least */
	OPEN_MAX = 500, /* of them at a time; as many again are closed and not forgotten */
	FIRST = 7,      /* id: they need not begin at 1 */
	PATIENCE_MS = 60000,
};

static struct connections connections;
static struct connection *all; /* MANY; the id of each is FIRST more than its index */

static const struct config_service service, other_service;

static bool
has_open(uint64_t id)
{
	return connections_has_open(&connections, id, &service);
}

static int
open_connections(void **state PF_UNUSED)
{
	all = calloc(MANY, sizeof(*all));
	if (all == NULL)
		return -1;
	for (size_t i = 0; i < MANY; i++) {
		all[i].id = FIRST + i;
		all[i].limits = &service;
	}
	return connections_open(&connections);
}

static int
close_connections(void **state PF_UNUSED)
{
	connections_close(&connections);
	free(all);
	return 0;
}

static void
add(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		connections_add(&connections, &all[i]);
}

static void
assert_open(size_t i)
{
	assert_ptr_equal(connections_find(&connections, FIRST + i), &all[i]);
	assert_true(has_open(FIRST + i));
}

static void
assert_unknown(uint64_t id)
{
	assert_null(connections_find(&connections, id));
	assert_false(has_open(id));
}

static void
where_there_is_none_none_is_found(void **state PF_UNUSED)
{
	assert_unknown(0);
	assert_unknown(FIRST);
	assert_unknown(UINT64_MAX);
	assert_int_equal(connections.count, 0);
}

static void
each_of_many_is_found_while_they_grow(void **state PF_UNUSED)
{
	for (size_t i = 0; i < MANY; i++) {
		assert_unknown(FIRST + i);
		connections_add(&connections, &all[i]);
		assert_open(i);
		assert_open((size_t)rand() % (i + 1));
	}
	assert_int_equal(connections.count, MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_open(i);
	assert_unknown(FIRST - 1);
	assert_unknown(FIRST + MANY);
}

static void
what_is_taken_out_is_not_found_and_all_else_is(void **state PF_UNUSED)
{
	add(0, MANY);
	for (size_t i = 0; i < MANY; i += 2)
		connections_remove(&connections, &all[i]);
	assert_int_equal(connections.count, MANY / 2);
	for (size_t i = 0; i < MANY; i += 2) {
		assert_unknown(FIRST + i);
		assert_open(i + 1);
	}
	for (size_t i = 1; i < MANY; i += 2)
		connections_remove(&connections, &all[i]);
	assert_int_equal(connections.count, 0);
	assert_unknown(FIRST + 1);
	add(0, 10);
	assert_open(9);
}

static void
a_closed_one_is_found_and_not_open(void **state PF_UNUSED)
{
	add(0, 10);
	connections_mark_closed(&connections, &all[4]);
	assert_ptr_equal(connections_find(&connections, all[4].id), &all[4]);
	assert_false(has_open(all[4].id));
	assert_int_equal(connections.count, 10);
	add(10, 1000);
	assert_ptr_equal(connections_find(&connections, all[4].id), &all[4]);
	assert_false(has_open(all[4].id));
	connections_remove(&connections, &all[4]);
	assert_unknown(all[4].id);
	assert_open(3);
	assert_open(5);
}

static void
a_connection_is_open_for_its_own_service_only(void **state PF_UNUSED)
{
	add(0, 10);
	assert_true(connections_has_open(&connections, FIRST, &service));
	assert_false(connections_has_open(&connections, FIRST, &other_service));
}

/* As after a restart, or from two workers: what differs is far up. */
static void
ids_that_share_their_low_bits_are_told_apart(void **state PF_UNUSED)
{
	for (size_t i = 0; i < 500; i++) {
		all[i].id = (uint64_t)i << 40 | 5;
		connections_add(&connections, &all[i]);
	}
	for (size_t i = 0; i < 500; i++)
		assert_ptr_equal(connections_find(&connections, all[i].id), &all[i]);
	assert_unknown(UINT64_C(500) << 40 | 5);
	for (size_t i = 0; i < 500; i += 3)
		connections_remove(&connections, &all[i]);
	for (size_t i = 0; i < 500; i++)
		assert_true((connections_find(&connections, all[i].id) == NULL) == (i % 3 == 0));
}

static void
count_visit(struct connection *connection, void *arg PF_UNUSED)
{
	connection->held++;
	connections_mark_closed(&connections, connection);
}

static void
each_is_visited_once_and_may_be_closed_then(void **state PF_UNUSED)
{
	add(0, MANY);
	for (size_t i = 0; i < MANY; i += 5)
		connections_remove(&connections, &all[i]);
	connections_visit(&connections, count_visit, NULL);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(all[i].held, i % 5 == 0 ? 0 : 1);
	assert_false(has_open(FIRST + 1));
}

/* Threads ask while the loop adds, closes and takes out. What has happened is told in ids. */

struct story {
	_Atomic uint64_t opened;  /* all up to here have been added */
	_Atomic uint64_t closing; /* all above are not closed yet */
	_Atomic uint64_t closed;  /* all up to here are closed */
	_Atomic bool ended;
	_Atomic unsigned wrong; /* answers */
	_Atomic uint64_t open, gone, unsure;
};

static void
ask(struct story *story, uint64_t id)
{
	uint64_t opened = atomic_load(&story->opened), closed = atomic_load(&story->closed);
	bool is_open = has_open(id);
	uint64_t closing = atomic_load(&story->closing);

	if (id < FIRST || id <= closed || id == UINT64_MAX) {
		atomic_fetch_add(&story->wrong, is_open);
		atomic_fetch_add(&story->gone, 1);
	} else if (id <= opened && id > closing) {
		atomic_fetch_add(&story->wrong, !is_open);
		atomic_fetch_add(&story->open, 1);
	} else {
		atomic_fetch_add(&story->unsure, 1);
	}
}

static void *
ask_on(void *arg)
{
	struct story *story = arg;
	unsigned random = 7;

	while (!atomic_load(&story->ended)) {
		uint64_t opened = atomic_load(&story->opened);
		uint64_t back = (uint64_t)rand_r(&random) % (3 * OPEN_MAX);

		ask(story, opened > back ? opened - back : opened);
		ask(story, UINT64_MAX);
	}
	return NULL;
}

/* The memory of those that are long gone is that of new ones. */
static struct connection *
passing(uint64_t id)
{
	return &all[id % PASSED];
}

static void
come_and_go(struct story *story, uint64_t id)
{
	passing(id)->id = id;
	connections_add(&connections, passing(id));
	atomic_store(&story->opened, id);
	if (id >= FIRST + OPEN_MAX) {
		atomic_store(&story->closing, id - OPEN_MAX);
		connections_mark_closed(&connections, passing(id - OPEN_MAX));
		atomic_store(&story->closed, id - OPEN_MAX);
	}
	if (id >= FIRST + 2 * OPEN_MAX)
		connections_remove(&connections, passing(id - 2 * OPEN_MAX));
}

static void
threads_learn_what_is_open_while_connections_come_and_go(void **state PF_UNUSED)
{
	const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct story story = { 0 };
	pthread_t askers[ASKERS];
	uint64_t id = FIRST;

	for (unsigned i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&askers[i], NULL, ask_on, &story), 0);
	while ((id < FIRST + PASSED || atomic_load(&story.open) < ASKED) &&
		clock_monotonic_ms() < until_ms)
		come_and_go(&story, id++);
	atomic_store(&story.ended, true);
	for (unsigned i = 0; i < ASKERS; i++)
		pthread_join(askers[i], NULL);
	print_message("# %llu open, %llu gone, %llu unsure\n",
		(unsigned long long)atomic_load(&story.open),
		(unsigned long long)atomic_load(&story.gone),
		(unsigned long long)atomic_load(&story.unsure));
	assert_int_equal(atomic_load(&story.wrong), 0);
	assert_int_equal(connections.count, 2 * OPEN_MAX);
	assert_true(has_open(id - 1));
	assert_true(atomic_load(&story.open) >= ASKED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_CONNECTIONS(test) \
	cmocka_unit_test_setup_teardown(test, open_connections, close_connections)
		ON_CONNECTIONS(where_there_is_none_none_is_found),
		ON_CONNECTIONS(each_of_many_is_found_while_they_grow),
		ON_CONNECTIONS(what_is_taken_out_is_not_found_and_all_else_is),
		ON_CONNECTIONS(a_closed_one_is_found_and_not_open),
		ON_CONNECTIONS(a_connection_is_open_for_its_own_service_only),
		ON_CONNECTIONS(ids_that_share_their_low_bits_are_told_apart),
		ON_CONNECTIONS(each_is_visited_once_and_may_be_closed_then),
		ON_CONNECTIONS(threads_learn_what_is_open_while_connections_come_and_go),
	};

	return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
