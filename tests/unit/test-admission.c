/*
 * Admission under fire: processes claim and release places of a real segment at full speed while
 * some are killed. What they hold is counted outside of the segment.
 */
#include <config.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "segment/admission.h"

enum {
	PROCESSES = 6, /* at most 8: one byte of a word each */
	LIMIT = 20,
	SERVICE_LIMIT = 12,
	ADDRESS_LIMIT = 8,
	NO_LIMIT = 1000,
	HELD_MAX = 5, /* of each process of each kind: together three times the limit */
	KINDS_MAX = 4,
	KILLS = 500,
	LIFE_MAX_US = 2000, /* between two kills */
	PATIENCE_MS = 30000,
	SEED = 20240607,
	MOVING_SLOTS = 64,
	MOVING_CLAIMS = 20000,
};

/* One kind of connections, and how many of it there may be; 0: any number. */
struct kind {
	unsigned service;
	const char *host; /* NULL: not counted by address */
	uint32_t limit;
};

struct scene {
	uint32_t limit; /* of all kinds together */
	struct kind kinds[KINDS_MAX];
	size_t kind_count;
};

static const struct scene services = {
	.limit = LIMIT,
	.kinds = { { .service = 0, .limit = SERVICE_LIMIT }, { .service = 1 } },
	.kind_count = 2,
};

/* One address with two services is two. */
static const struct scene addresses = {
	.limit = NO_LIMIT,
	.kinds = { { 0, "192.0.2.1", ADDRESS_LIMIT }, { 0, "192.0.2.2", ADDRESS_LIMIT },
		{ 1, "192.0.2.1", ADDRESS_LIMIT }, { 1, "2001:db8::1", ADDRESS_LIMIT } },
	.kind_count = 4,
};

/* Places held: byte N is process N's, so that each addition sees what all hold at one moment. */
struct tally {
	_Atomic uint64_t held;
	_Atomic uint32_t most; /* at once */
};

/* Seen by all processes, and no part of the segment. */
struct witness {
	struct tally all, by_kind[KINDS_MAX];
	_Atomic uint64_t claims; /* granted so far */
	_Atomic uint64_t refusals[ADMISSION__COUNT];
	_Atomic uint32_t idle; /* processes that have given all back */
	_Atomic bool stop;
};

/* What a process holds of one kind. */
struct held {
	struct admission_place places[HELD_MAX];
	unsigned count;
};

struct crowd {
	const struct scene *scene;
	struct segment segment;
	struct witness *witness;
	pid_t pids[PROCESSES];
	unsigned random; /* the state of rand_r */
};

static uint32_t
sum_bytes(uint64_t word)
{
	uint32_t sum = 0;

	for (; word != 0; word >>= 8)
		sum += word & 0xff;
	return sum;
}

static uint64_t
one_of(unsigned process)
{
	return UINT64_C(1) << (8 * process);
}

static void
tally_add(struct tally *tally, unsigned process)
{
	uint32_t sum = sum_bytes(atomic_fetch_add(&tally->held, one_of(process))) + 1;
	uint32_t most = atomic_load(&tally->most);

	while (sum > most && !atomic_compare_exchange_weak(&tally->most, &most, sum))
		;
}

static void
tally_take(struct tally *tally, unsigned process)
{
	atomic_fetch_sub(&tally->held, one_of(process));
}

static void
tally_forget(struct tally *tally, unsigned process)
{
	atomic_fetch_and(&tally->held, ~(UINT64_C(0xff) << (8 * process)));
}

static enum admission
claim(struct crowd *crowd, size_t kind, struct admission_place *place)
{
	const struct kind *wanted = &crowd->scene->kinds[kind];
	struct admission_claim claim = {
		.service = wanted->service,
		.limit = crowd->scene->limit,
	};
	struct host host;

	if (wanted->host == NULL) {
		claim.service_limit = wanted->limit;
	} else if (host_parse(&host, wanted->host) == 0) {
		claim.host = &host;
		claim.address_limit = wanted->limit;
	}
	return admission_claim(&crowd->segment, &claim, place);
}

/* A process never counts what it has not: it counts behind the claim and before the release. */
static void
enter(struct crowd *crowd, unsigned process, size_t kind, struct held *held)
{
	struct witness *witness = crowd->witness;
	enum admission result = claim(crowd, kind, &held->places[held->count]);

	if (result != ADMISSION_GRANTED) {
		atomic_fetch_add(&witness->refusals[result], 1);
		return;
	}
	tally_add(&witness->all, process);
	tally_add(&witness->by_kind[kind], process);
	atomic_fetch_add(&witness->claims, 1);
	held->count++;
}

static void
leave(struct crowd *crowd, unsigned process, size_t kind, struct held *held)
{
	tally_take(&crowd->witness->by_kind[kind], process);
	tally_take(&crowd->witness->all, process);
	admission_release(&crowd->segment, held->places[--held->count]);
}

static void
work(struct crowd *crowd, unsigned process)
{
	struct held held[KINDS_MAX] = { 0 };
	unsigned random = process + 1;

	while (!atomic_load(&crowd->witness->stop)) {
		size_t kind = (unsigned)rand_r(&random) % crowd->scene->kind_count;

		if (held[kind].count < HELD_MAX && rand_r(&random) % 3 != 0)
			enter(crowd, process, kind, &held[kind]);
		else if (held[kind].count > 0)
			leave(crowd, process, kind, &held[kind]);
	}
	for (size_t kind = 0; kind < crowd->scene->kind_count; kind++) {
		while (held[kind].count > 0)
			leave(crowd, process, kind, &held[kind]);
	}
	atomic_fetch_add(&crowd->witness->idle, 1);
	for (;;)
		pause();
}

static void
start(struct crowd *crowd, unsigned process)
{
	struct error error;
	pid_t pid;

	segment_slot_claim(&crowd->segment, process, 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0) {
		crowd->pids[process] = pid;
		return;
	}
	/* A failed test leaves nobody behind. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
		segment_attach(&crowd->segment, process, &error) != 0)
		_exit(1);
	work(crowd, process);
}

/* What the dead process held is forgotten before its places can be granted again. */
static void
kill_and_drop(struct crowd *crowd, unsigned process)
{
	int status;

	assert_int_equal(kill(crowd->pids[process], SIGKILL), 0);
	assert_int_equal(waitpid(crowd->pids[process], &status, 0), crowd->pids[process]);
	assert_true(WIFSIGNALED(status));
	tally_forget(&crowd->witness->all, process);
	for (size_t kind = 0; kind < KINDS_MAX; kind++)
		tally_forget(&crowd->witness->by_kind[kind], process);
	segment_slot_drop(&crowd->segment, process);
}

static void
let_live(struct crowd *crowd)
{
	const struct timespec life = { .tv_nsec = rand_r(&crowd->random) % LIFE_MAX_US * 1000L };

	nanosleep(&life, NULL);
}

static void
wait_until_idle(struct crowd *crowd)
{
	const struct timespec turn = { .tv_nsec = 1000000 };

	atomic_store(&crowd->witness->stop, true);
	for (int i = 0; i < PATIENCE_MS; i++) {
		if (atomic_load(&crowd->witness->idle) == PROCESSES)
			return;
		nanosleep(&turn, NULL);
	}
	fail_msg("the processes did not give their places back");
}

/* Runs in a process of its own, with a slot. Exits with how many places it got. */
static unsigned
count_claims(struct crowd *crowd, size_t kind)
{
	struct admission_place place;
	struct error error;
	unsigned count = 0;
	int status;
	pid_t pid;

	segment_slot_claim(&crowd->segment, PROCESSES, 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (segment_attach(&crowd->segment, PROCESSES, &error) != 0)
			_exit(255);
		while (count < 2 * LIMIT && claim(crowd, kind, &place) == ADMISSION_GRANTED)
			count++;
		_exit((int)count);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	segment_slot_drop(&crowd->segment, PROCESSES);
	return (unsigned)WEXITSTATUS(status);
}

static void
crowd_open(struct crowd *crowd, const struct scene *scene)
{
	struct error error;

	*crowd = (struct crowd){ .scene = scene, .random = SEED };
	assert_int_equal(segment_create(&crowd->segment, &error), 0);
	crowd->witness = mmap(NULL, sizeof(*crowd->witness), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(crowd->witness != MAP_FAILED);
}

static void
crowd_close(struct crowd *crowd)
{
	for (unsigned i = 0; i < PROCESSES; i++)
		kill_and_drop(crowd, i);
	munmap(crowd->witness, sizeof(*crowd->witness));
	segment_destroy(&crowd->segment);
}

static void
run_crowd(struct crowd *crowd)
{
	for (unsigned i = 0; i < PROCESSES; i++)
		start(crowd, i);
	for (int i = 0; i < KILLS; i++) {
		unsigned victim = (unsigned)rand_r(&crowd->random) % PROCESSES;

		let_live(crowd);
		kill_and_drop(crowd, victim);
		start(crowd, victim);
	}
	wait_until_idle(crowd);
}

/* Each limit was reached and never exceeded, and nothing is left of it. */
static void
check_tallies(struct crowd *crowd)
{
	const struct scene *scene = crowd->scene;
	const struct witness *witness = crowd->witness;

	print_message("# %llu claims\n", (unsigned long long)atomic_load(&witness->claims));
	for (size_t i = 0; i < scene->kind_count; i++) {
		uint32_t most = atomic_load(&witness->by_kind[i].most);

		print_message(
			"# kind %zu: most at once %u of %u\n", i, most, scene->kinds[i].limit);
		if (scene->kinds[i].limit > 0)
			assert_int_equal(most, scene->kinds[i].limit);
	}
	for (unsigned i = 0; i < PROCESSES; i++)
		assert_int_equal(segment_slot_admitted(&crowd->segment, i), 0);
}

static void
test_limits_under_kills(void **state PF_UNUSED)
{
	struct crowd crowd;

	crowd_open(&crowd, &services);
	run_crowd(&crowd);
	check_tallies(&crowd);
	assert_int_equal(atomic_load(&crowd.witness->all.most), LIMIT);
	assert_true(atomic_load(&crowd.witness->refusals[ADMISSION_FULL]) > 0);
	assert_true(atomic_load(&crowd.witness->refusals[ADMISSION_SERVICE_FULL]) > 0);
	assert_int_equal(count_claims(&crowd, 0), SERVICE_LIMIT);
	assert_int_equal(count_claims(&crowd, 1), LIMIT);
	crowd_close(&crowd);
}

static void
test_addresses_under_kills(void **state PF_UNUSED)
{
	struct crowd crowd;

	crowd_open(&crowd, &addresses);
	run_crowd(&crowd);
	check_tallies(&crowd);
	assert_true(atomic_load(&crowd.witness->refusals[ADMISSION_ADDRESS_FULL]) > 0);
	assert_int_equal(atomic_load(&crowd.witness->refusals[ADMISSION_NO_ROOM]), 0);
	for (size_t kind = 0; kind < addresses.kind_count; kind++)
		assert_int_equal(count_claims(&crowd, kind), ADDRESS_LIMIT);
	crowd_close(&crowd);
}

enum {
	NOW_MS = 1000000,
};

static void
set_slot(struct segment *segment, unsigned index, uint32_t admitted, int64_t tick_ms)
{
	struct slot *slot = &segment->slots[index];

	segment_slot_claim(segment, index, 1);
	atomic_store(&slot->state, SLOT_READY);
	atomic_store(&slot->admitted, admitted);
	atomic_store(&slot->tick_ms, tick_ms);
}

/* Whether a worker with OWN connections is crowded beside one with OTHER. */
static bool
is_crowded_beside(struct segment *segment, uint32_t own, uint32_t other, uint32_t leeway)
{
	set_slot(segment, 0, own, NOW_MS);
	set_slot(segment, 1, other, NOW_MS);
	segment->own = &segment->slots[0];
	return admission_is_crowded(segment, leeway, NOW_MS);
}

static void
test_fairness(void **state PF_UNUSED)
{
	struct segment segment;
	struct error error;

	assert_int_equal(segment_create(&segment, &error), 0);
	assert_false(is_crowded_beside(&segment, 1, 0, 0));
	assert_true(is_crowded_beside(&segment, 2, 0, 0));
	assert_false(is_crowded_beside(&segment, 0, 100, 0));
	assert_false(is_crowded_beside(&segment, 321 + 10, 320, 0));
	assert_true(is_crowded_beside(&segment, 321 + 11, 320, 0));
	assert_false(is_crowded_beside(&segment, 9, 0, 8));
	assert_true(is_crowded_beside(&segment, 10, 0, 8));
	segment.own = NULL;
	segment_destroy(&segment);
}

static void
test_fairness_counts_who_turns(void **state PF_UNUSED)
{
	struct segment segment;
	struct error error;

	assert_int_equal(segment_create(&segment, &error), 0);
	assert_true(is_crowded_beside(&segment, 10, 0, 0));
	set_slot(&segment, 1, 0, NOW_MS - 100);
	assert_false(admission_is_crowded(&segment, 0, NOW_MS));
	set_slot(&segment, 1, 0, NOW_MS);
	segment.own = &segment.slots[1];
	admission_set_pausing(&segment, true);
	segment.own = &segment.slots[0];
	assert_false(admission_is_crowded(&segment, 0, NOW_MS));
	segment_slot_drop(&segment, 1);
	set_slot(&segment, 1, 0, NOW_MS);
	assert_true(admission_is_crowded(&segment, 0, NOW_MS));
	atomic_store(&segment.slots[1].state, SLOT_DRAINING);
	assert_false(admission_is_crowded(&segment, 0, NOW_MS));
	segment.own = NULL;
	segment_destroy(&segment);
}

static void
test_released_counts_places_only(void **state PF_UNUSED)
{
	const struct admission_claim claim = { .limit = 1 };
	struct admission_place place, refused;
	struct segment segment;
	struct error error;

	assert_int_equal(segment_create(&segment, &error), 0);
	set_slot(&segment, 0, 0, NOW_MS);
	segment.own = &segment.slots[0];
	assert_int_equal(admission_claim(&segment, &claim, &place), ADMISSION_GRANTED);
	assert_int_equal(admission_claim(&segment, &claim, &refused), ADMISSION_FULL);
	assert_int_equal(admission_sum_released(&segment), 0);
	admission_release(&segment, place);
	segment_slot_drop(&segment, 0);
	assert_int_equal(admission_sum_released(&segment), 1);
	segment.own = NULL;
	segment_destroy(&segment);
}

static void
test_overcounts_while_one_moves_or_ends(void **state PF_UNUSED)
{
	struct segment segment;
	struct error error;

	assert_int_equal(segment_create(&segment, &error), 0);
	set_slot(&segment, 0, 0, NOW_MS);
	set_slot(&segment, 1, 0, NOW_MS);
	segment.own = &segment.slots[1];
	assert_false(admission_overcounts(&segment));
	admission_set_closing(&segment, true);
	assert_true(admission_overcounts(&segment));
	admission_set_closing(&segment, false);
	assert_false(admission_overcounts(&segment));
	admission_set_moving(&segment, 3);
	admission_set_closing(&segment, true);
	admission_set_closing(&segment, false);
	assert_true(admission_overcounts(&segment));
	segment_slot_drop(&segment, 1);
	assert_false(admission_overcounts(&segment));
	segment.own = NULL;
	segment_destroy(&segment);
}

/* One connection, which two workers hand to and fro until *OVER. */
struct shuttle {
	struct segment workers[2];
	struct admission_place place;
	atomic_bool over;
	unsigned trips;
};

static void *
run_shuttle(void *arg)
{
	const struct admission_claim claim = { .limit = 1 };
	struct shuttle *shuttle = arg;

	while (!atomic_load(&shuttle->over)) {
		struct admission_place place;

		admission_take_over(&shuttle->workers[1], &claim, &place);
		admission_release(&shuttle->workers[0], shuttle->place);
		admission_take_over(&shuttle->workers[0], &claim, &shuttle->place);
		admission_release(&shuttle->workers[1], place);
		shuttle->trips++;
	}
	return NULL;
}

/* The slot between the two is a third worker's, which asks for the place that there is. */
static void
test_sums_miss_none_that_moves(void **state PF_UNUSED)
{
	const struct admission_claim claim = { .limit = 1 };
	static struct shuttle shuttle;
	struct admission_place place;
	struct segment segment;
	struct error error;
	pthread_t thread;

	assert_int_equal(segment_create(&segment, &error), 0);
	for (unsigned i = 0; i < MOVING_SLOTS; i++)
		set_slot(&segment, i, 0, NOW_MS);
	shuttle.workers[0] = shuttle.workers[1] = segment;
	shuttle.workers[0].own = &segment.slots[0];
	shuttle.workers[1].own = &segment.slots[MOVING_SLOTS - 1];
	admission_take_over(&shuttle.workers[0], &claim, &shuttle.place);
	segment.own = &segment.slots[1];
	assert_int_equal(pthread_create(&thread, NULL, run_shuttle, &shuttle), 0);
	for (unsigned i = 0; i < MOVING_CLAIMS; i++)
		assert_int_equal(admission_claim(&segment, &claim, &place), ADMISSION_FULL);
	atomic_store(&shuttle.over, true);
	pthread_join(thread, NULL);
	assert_true(shuttle.trips > 0);
	admission_release(&shuttle.workers[0], shuttle.place);
	assert_int_equal(admission_claim(&segment, &claim, &place), ADMISSION_GRANTED);
	segment.own = NULL;
	segment_destroy(&segment);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_miss_none_that_moves),
		cmocka_unit_test(test_limits_under_kills),
		cmocka_unit_test(test_addresses_under_kills),
		cmocka_unit_test(test_fairness),
		cmocka_unit_test(test_fairness_counts_who_turns),
		cmocka_unit_test(test_released_counts_places_only),
		cmocka_unit_test(test_overcounts_while_one_moves_or_ends),
	};

	return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
