#include <config.h>

#include "tools/bench/crew.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "tools/bench/live.h"
#include "tools/bench/worker.h"

enum {
	TICK_MS = 500,
};

struct crew {
	const struct plan *plan;
	struct board *board;
	pid_t *pids; /* those of the processes that were started */
	unsigned started;
	int ends[2]; /* a pipe that ends with the last process */
};

static volatile sig_atomic_t interrupted;

static void
interrupt(int signal_number PF_UNUSED)
{
	interrupted = 1;
}

static void *
run_worker(void *arg)
{
	worker_run(arg);
	return NULL;
}

/* Runs the threads of process NUMBER. Returns its exit status. */
static int
run_threads(const struct crew *crew, unsigned number, struct error *error)
{
	unsigned threads = crew->plan->options->threads, count = 0;
	struct worker *workers[threads];
	pthread_t ids[threads];
	int failed = 0;

	while (count < threads && failed == 0) {
		workers[count] =
			worker_open(crew->plan, crew->board, number * threads + count, error);
		if (workers[count] == NULL)
			break;
		failed = pthread_create(&ids[count], NULL, run_worker, workers[count]);
		if (failed != 0) {
			worker_close(&workers[count]);
			error_set(error, "cannot start a thread: %s", strerror(failed));
		} else {
			count++;
		}
	}
	if (count < threads)
		crew->board->stop = true;
	for (unsigned i = 0; i < count; i++) {
		pthread_join(ids[i], NULL);
		worker_close(&workers[i]);
	}
	return count < threads ? EX_SOFTWARE : 0;
}

/* A process of the run, which ends with its parent. */
PF_NORETURN static void
be_process(struct crew *crew, unsigned number, pid_t parent)
{
	struct error error;
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EX_SOFTWARE);
	signal(SIGINT, SIG_IGN); /* the parent tells */
	signal(SIGTERM, SIG_DFL);
	fd_close(&crew->ends[0]);
	status = run_threads(crew, number, &error);
	if (status != 0)
		warnx("%s", error.text);
	exit(status);
}

static int
start(struct crew *crew, struct error *error)
{
	unsigned processes = crew->plan->options->processes;
	pid_t parent = getpid(), pid;

	while (crew->started < processes) {
		pid = fork();
		if (pid == 0)
			be_process(crew, crew->started, parent);
		if (pid < 0) {
			crew->board->stop = true;
			return error_errno(error, "cannot start process %u", crew->started + 1);
		}
		crew->pids[crew->started++] = pid;
	}
	return 0;
}

/* Waits until all processes have ended, and shows how far they are. */
static void
watch(struct crew *crew)
{
	struct pollfd end = { .fd = crew->ends[0], .events = POLLIN };
	struct live live;

	live_init(&live, crew->plan->options);
	while (poll(&end, 1, TICK_MS) <= 0) {
		if (interrupted)
			crew->board->stop = true;
		live_show(&live, crew->board);
	}
	live_end(&live);
}

/* Returns 0, or -1 if one of them has failed. */
static int
reap(const struct crew *crew, struct error *error)
{
	int failed = 0, status;

	for (unsigned i = 0; i < crew->started; i++) {
		while (waitpid(crew->pids[i], &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			failed = error_set(error, "a process of this run has failed");
	}
	return failed;
}

static void
handle_signals(void)
{
	struct sigaction action = { .sa_handler = interrupt };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int
crew_run(const struct plan *plan, struct board *board, struct error *error)
{
	struct crew crew = { .plan = plan, .board = board, .ends = { -1, -1 } };
	struct error other;
	int failed;

	crew.pids = calloc(plan->options->processes, sizeof(crew.pids[0]));
	if (crew.pids == NULL || pipe(crew.ends) != 0) {
		free(crew.pids);
		return error_errno(error, "cannot start");
	}
	handle_signals();
	failed = start(&crew, error);
	fd_close(&crew.ends[1]);
	watch(&crew);
	if (reap(&crew, failed == 0 ? error : &other) != 0)
		failed = -1;
	fd_close(&crew.ends[0]);
	free(crew.pids);
	return failed;
}
