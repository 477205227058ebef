/*
 * The rate of accepting: by one process that stands for several workers, with a clock of its own;
 * then by processes side by side, in real time.
 */
#include <config.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "segment/accept_rate.h"

enum {
	SLOTS = 4,
	SERVICE = 3,
	START_MS = 7000000, /* a full second */
	RACE_RATE = 2000,
	RACE_MS = 2500,
	RACE_SECONDS = 4,
};

static struct segment segment;

static int
open_segment(void **state PF_UNUSED)
{
	struct error error;

	if (segment_create(&segment, &error) != 0)
		return -1;
	for (unsigned i = 0; i < SLOTS; i++)
		segment_slot_claim(&segment, i, 1);
	return 0;
}

static int
close_segment(void **state PF_UNUSED)
{
	segment_destroy(&segment);
	return 0;
}

static bool
claim(unsigned slot, uint32_t rate, int64_t now_ms)
{
	segment.own = &segment.slots[slot % SLOTS];
	return accept_rate_claim(&segment, SERVICE, rate, now_ms);
}

/* How many of the slots' claims, TRIES a millisecond, are granted from FROM_MS to before TO_MS. */
static unsigned
count_granted(uint32_t rate, int64_t from_ms, int64_t to_ms, unsigned tries)
{
	unsigned granted = 0;

	for (int64_t now_ms = from_ms; now_ms < to_ms; now_ms++) {
		for (unsigned i = 0; i < tries; i++)
			granted += claim(i, rate, now_ms);
	}
	return granted;
}

static void
a_rush_after_a_quiet_second_is_taken_up_to_the_rate(void **state PF_UNUSED)
{
	assert_int_equal(count_granted(50, START_MS + 300, START_MS + 301, 200), 50);
	assert_int_equal(count_granted(50, START_MS + 301, START_MS + 1000, 10), 0);
}

static void
a_steady_rush_is_taken_evenly_at_the_rate(void **state PF_UNUSED)
{
	count_granted(100, START_MS, START_MS + 2000, 5);
	for (int64_t ms = START_MS + 2000; ms < START_MS + 7000; ms += 100)
		assert_in_range(count_granted(100, ms, ms + 100, 5), 8, 12);
}

static void
no_second_has_more_than_twice_the_rate(void **state PF_UNUSED)
{
	static const uint32_t rates[] = { 1, 2, 3, 10, 77, 1000 };

	for (size_t i = 0; i < countof(rates); i++) {
		unsigned in_ms[6000];

		for (int64_t ms = 0; ms < (int64_t)countof(in_ms); ms++) {
			/* Now and then nobody comes, so that a rush may follow. */
			bool quiet = ms / 700 % 2 == 0;
			int64_t now_ms = START_MS + (int64_t)i * 100000 + ms;

			in_ms[ms] = count_granted(rates[i], now_ms, now_ms + 1, quiet ? 0 : 50);
		}
		for (size_t from = 0; from + 1000 <= countof(in_ms); from++) {
			unsigned sum = 0;

			for (size_t ms = from; ms < from + 1000; ms++)
				sum += in_ms[ms];
			assert_in_range(sum, 0, from % 1000 == 0 ? rates[i] : 2 * rates[i]);
		}
	}
}

static void
a_rate_of_one_is_one_a_second(void **state PF_UNUSED)
{
	for (int64_t ms = START_MS; ms < START_MS + 10000; ms += 1000)
		assert_int_equal(count_granted(1, ms, ms + 1000, 4), 1);
}

static void
what_is_released_can_be_claimed_again(void **state PF_UNUSED)
{
	assert_true(claim(0, 1, START_MS));
	assert_false(claim(1, 1, START_MS + 5));
	segment.own = &segment.slots[0];
	accept_rate_release(&segment, SERVICE, START_MS);
	assert_true(claim(1, 1, START_MS + 6));
	assert_false(claim(0, 1, START_MS + 7));
}

static void
each_service_has_a_rate_of_its_own(void **state PF_UNUSED)
{
	assert_true(claim(0, 1, START_MS));
	assert_false(claim(0, 1, START_MS));
	assert_true(accept_rate_claim(&segment, SERVICE + 1, 1, START_MS));
}

static void
what_a_killed_worker_took_has_been_taken(void **state PF_UNUSED)
{
	assert_true(claim(0, 2, START_MS));
	segment_slot_drop(&segment, 0);
	segment_slot_claim(&segment, 0, 2);
	assert_true(claim(1, 2, START_MS + 10));
	assert_false(claim(0, 2, START_MS + 20));
}

/* Side by side, each at full speed. */

struct witness {
	_Atomic uint32_t granted[RACE_SECONDS];
	_Atomic uint32_t late[RACE_SECONDS]; /* tries in the second half of it */
};

static void
race(unsigned slot, struct witness *witness, int64_t start_ms)
{
	struct error error;
	int64_t now_ms;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || segment_attach(&segment, slot, &error) != 0)
		_exit(1);
	while ((now_ms = clock_monotonic_ms()) < start_ms + RACE_MS) {
		int64_t second = now_ms / 1000 - start_ms / 1000;

		if (accept_rate_claim(&segment, SERVICE, RACE_RATE, now_ms))
			atomic_fetch_add(&witness->granted[second], 1);
		if (now_ms % 1000 >= 500)
			atomic_fetch_add(&witness->late[second], 1);
	}
	_exit(0);
}

/*
 * However seldom the processes ran: by the middle of a second half of the rate may be taken, less
 * what each process may hold for a moment, so tries from then on are granted up to that.
 */
static uint32_t
least_granted(const struct witness *witness, size_t second)
{
	uint32_t late = atomic_load(&witness->late[second]);

	return MIN(late, RACE_RATE / 2 - 2 * SLOTS);
}

static void
side_by_side_the_rate_is_reached_and_never_exceeded(void **state PF_UNUSED)
{
	struct witness *witness = mmap(
		NULL, sizeof(*witness), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t start_ms = clock_monotonic_ms();
	pid_t pids[SLOTS];

	assert_true(witness != MAP_FAILED);
	for (unsigned i = 0; i < SLOTS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			race(i, witness, start_ms);
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	for (size_t i = 0; i < RACE_SECONDS; i++) {
		uint32_t granted = atomic_load(&witness->granted[i]);

		print_message("# %u of %u\n", granted, RACE_RATE);
		assert_in_range(granted, least_granted(witness, i), RACE_RATE);
	}
	munmap(witness, sizeof(*witness));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_A_SEGMENT(test) cmocka_unit_test_setup_teardown(test, open_segment, close_segment)
		ON_A_SEGMENT(a_rush_after_a_quiet_second_is_taken_up_to_the_rate),
		ON_A_SEGMENT(a_steady_rush_is_taken_evenly_at_the_rate),
		ON_A_SEGMENT(no_second_has_more_than_twice_the_rate),
		ON_A_SEGMENT(a_rate_of_one_is_one_a_second),
		ON_A_SEGMENT(what_is_released_can_be_claimed_again),
		ON_A_SEGMENT(each_service_has_a_rate_of_its_own),
		ON_A_SEGMENT(what_a_killed_worker_took_has_been_taken),
		ON_A_SEGMENT(side_by_side_the_rate_is_reached_and_never_exceeded),
	};

	return cmocka_run_group_tests_name("accept-rate", tests, NULL, NULL);
}
