#include <config.h>

#include "process/daemon.h"

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/notify.h"
#include "process/signals.h"
#include "process/spawn.h"

struct report {
	bool ready;
	char reason[sizeof(((struct error *)0)->text)]; /* why not */
};
static_assert(sizeof(struct report) <= PIPE_BUF, "one write, one read");

/* A child that failed has the exit status to end with, and is waited for: nothing of it is left. */
static PF_NORETURN void
follow_end(pid_t child, const char *reason)
{
	char how[128];
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			err(EX_OSERR, "cannot wait for the server");
	}
	if (reason != NULL)
		warnx("cannot start: %s", reason);
	if (reason != NULL && WIFEXITED(status) && WEXITSTATUS(status) != EX_OK)
		exit(WEXITSTATUS(status));
	signals_describe(status, how, sizeof(how));
	errx(EX_SOFTWARE, "the server has ended before it was ready: %s", how);
}

static PF_NORETURN void
wait_for_report(pid_t child, int report_fd)
{
	struct report report;
	ssize_t got;

	do
		got = read(report_fd, &report, sizeof(report));
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(report))
		follow_end(child, NULL);
	if (report.ready)
		exit(EX_OK);
	report.reason[sizeof(report.reason) - 1] = '\0';
	error_make_printable(report.reason);
	follow_end(child, report.reason);
}

/* Nobody who reads what the caller's process writes waits for the server too. */
static int
leave_standard(struct error *error)
{
	int fd = open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(error, "cannot open /dev/null");
	for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++) {
		if (dup2(fd, standard) < 0) {
			close(fd);
			return error_errno(error, "cannot leave descriptor %d", standard);
		}
	}
	close(fd);
	return 0;
}

static void
become_daemon(struct daemon *daemon, int report_fd)
{
	struct error error;

	daemon->report = report_fd;
	setsid();
	notify_take_place();
	if (leave_standard(&error) == 0)
		return;
	daemon_failed(daemon, error.text);
	exit(EX_OSERR);
}

int
daemon_start(struct daemon *daemon, struct error *error)
{
	sigset_t before;
	int ends[2];
	pid_t pid;

	signal(SIGCHLD, SIG_DFL); /* ignored, it would leave nobody to wait for */
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_errno(error, "cannot make a pipe");
	pid = spawn_fork(&before);
	if (pid == 0)
		become_daemon(daemon, ends[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		error_errno(error, "cannot fork");
	if (pid != 0)
		close(ends[1]);
	if (pid > 0)
		wait_for_report(pid, ends[0]);
	close(ends[0]);
	return pid;
}

static void
send_report(struct daemon *daemon, const struct report *report)
{
	ssize_t sent PF_UNUSED;

	if (daemon->report < 0)
		return;
	sent = write(daemon->report, report, sizeof(*report)); /* or nobody waits any more */
	fd_close(&daemon->report);
}

void
daemon_ready(struct daemon *daemon)
{
	send_report(daemon, &(struct report){ .ready = true });
}

void
daemon_failed(struct daemon *daemon, const char *reason)
{
	struct report report = { .ready = false };

	strlcpy(report.reason, reason, sizeof(report.reason));
	send_report(daemon, &report);
}
