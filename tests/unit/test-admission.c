/*
 * Admission under fire: processes claim and release places of a real segment at full speed while
 * some are killed. What they hold is counted outside of the segment.
 */
#include <config.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
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
	HELD_MAX = 5, /* of each process in each service: together three times the limit */
	KILLS = 500,
	LIFE_MAX_US = 2000, /* between two kills */
	PATIENCE_MS = 30000,
	SEED = 20240607,
};

enum service {
	SERVICE_LIMITED,
	SERVICE_FREE,
};

/* Places held: byte N is process N's, so that each addition sees what all hold at one moment. */
struct tally {
	_Atomic uint64_t held;
	_Atomic uint32_t most; /* at once */
};

/* Seen by all processes, and no part of the segment. */
struct witness {
	struct tally all, limited; /* of both services, of SERVICE_LIMITED */
	_Atomic uint64_t claims;   /* granted so far */
	_Atomic uint64_t refusals[2];
	_Atomic uint32_t idle; /* processes that have given all back */
	_Atomic bool stop;
};

struct crowd {
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
claim(struct segment *segment, enum service service)
{
	return admission_claim(
		segment, service, LIMIT, service == SERVICE_LIMITED ? SERVICE_LIMIT : 0);
}

/* A process never counts what it has not: it counts behind the claim and before the release. */
static bool
enter(struct crowd *crowd, unsigned process, enum service service)
{
	struct witness *witness = crowd->witness;
	enum admission result = claim(&crowd->segment, service);

	if (result != ADMISSION_GRANTED) {
		atomic_fetch_add(&witness->refusals[result == ADMISSION_SERVICE_FULL], 1);
		return false;
	}
	tally_add(&witness->all, process);
	if (service == SERVICE_LIMITED)
		tally_add(&witness->limited, process);
	atomic_fetch_add(&witness->claims, 1);
	return true;
}

static void
leave(struct crowd *crowd, unsigned process, enum service service)
{
	if (service == SERVICE_LIMITED)
		tally_take(&crowd->witness->limited, process);
	tally_take(&crowd->witness->all, process);
	admission_release(&crowd->segment, service);
}

static void
work(struct crowd *crowd, unsigned process)
{
	unsigned random = process + 1, held[2] = { 0 };

	while (!atomic_load(&crowd->witness->stop)) {
		enum service service = rand_r(&random) % 2 != 0 ? SERVICE_FREE : SERVICE_LIMITED;

		if (held[service] < HELD_MAX && rand_r(&random) % 3 != 0) {
			held[service] += enter(crowd, process, service);
		} else if (held[service] > 0) {
			leave(crowd, process, service);
			held[service]--;
		}
	}
	for (; held[SERVICE_LIMITED] > 0; held[SERVICE_LIMITED]--)
		leave(crowd, process, SERVICE_LIMITED);
	for (; held[SERVICE_FREE] > 0; held[SERVICE_FREE]--)
		leave(crowd, process, SERVICE_FREE);
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
	tally_forget(&crowd->witness->limited, process);
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
count_claims(struct crowd *crowd, enum service service)
{
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
		while (count < 2 * LIMIT && claim(&crowd->segment, service) == ADMISSION_GRANTED)
			count++;
		_exit((int)count);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	segment_slot_drop(&crowd->segment, PROCESSES);
	return (unsigned)WEXITSTATUS(status);
}

static void
crowd_open(struct crowd *crowd)
{
	struct error error;

	*crowd = (struct crowd){ .random = SEED };
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

static void
check_tallies(const struct witness *witness)
{
	print_message("# %llu claims, %llu and %llu refusals, most at once %u of %u and %u of %u\n",
		(unsigned long long)atomic_load(&witness->claims),
		(unsigned long long)atomic_load(&witness->refusals[0]),
		(unsigned long long)atomic_load(&witness->refusals[1]),
		atomic_load(&witness->all.most), LIMIT, atomic_load(&witness->limited.most),
		SERVICE_LIMIT);
	assert_int_equal(atomic_load(&witness->all.most), LIMIT);
	assert_int_equal(atomic_load(&witness->limited.most), SERVICE_LIMIT);
	assert_true(atomic_load(&witness->refusals[0]) > 0);
	assert_true(atomic_load(&witness->refusals[1]) > 0);
}

static void
test_limits_under_kills(void **state PF_UNUSED)
{
	struct crowd crowd;

	crowd_open(&crowd);
	run_crowd(&crowd);
	check_tallies(crowd.witness);
	for (unsigned i = 0; i < PROCESSES; i++)
		assert_int_equal(segment_slot_admitted(&crowd.segment, i), 0);
	assert_int_equal(count_claims(&crowd, SERVICE_LIMITED), SERVICE_LIMIT);
	assert_int_equal(count_claims(&crowd, SERVICE_FREE), LIMIT);
	crowd_close(&crowd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits_under_kills),
	};

	return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
