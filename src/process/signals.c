#include <config.h>

#include "process/signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static void
handle(const struct signals *signals, int signal)
{
	for (size_t i = 0; i < signals->count; i++) {
		if (signals->rows[i].signal == signal)
			signals->rows[i].handle(signals->arg);
	}
}

static void
on_readable(int fd, short what PF_UNUSED, void *arg)
{
	struct signals *signals = arg;
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		handle(signals, (int)info.ssi_signo);
}

int
signals_open(struct signals *signals, struct loop *loop, const struct signal_row *rows,
	size_t count, void *arg, struct error *error)
{
	sigset_t set;

	*signals = (struct signals){ .fd = -1, .rows = rows, .count = count, .arg = arg };
	sigemptyset(&set);
	for (size_t i = 0; i < count; i++) {
		signal(rows[i].signal, rows[i].handle != NULL ? SIG_DFL : SIG_IGN);
		if (rows[i].handle != NULL)
			sigaddset(&set, rows[i].signal);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log that reaches a limit is a full disk */
	sigprocmask(SIG_SETMASK, &set, NULL);

	signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals->fd < 0)
		return error_errno(error, "cannot receive signals");
	signals->event =
		event_new(loop->base, signals->fd, EV_READ | EV_PERSIST, on_readable, signals);
	if (signals->event == NULL || event_add(signals->event, NULL) != 0)
		return error_set(error, "cannot watch for signals");
	return 0;
}

void
signals_close(struct signals *signals)
{
	if (signals->event != NULL)
		event_free(signals->event);
	signals->event = NULL;
	fd_close(&signals->fd);
}

void
signals_reset(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
}

static const char *
signals_name(int signal)
{
	const char *name = sigabbrev_np(signal);

	return name != NULL ? name : "unknown";
}

void
signals_describe(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "signal %s%s", signals_name(WTERMSIG(status)),
			WCOREDUMP(status) ? ", core dumped" : "");
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}
