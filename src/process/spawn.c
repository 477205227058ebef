#include <config.h>

#include "process/spawn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "process/channel.h"
#include "process/notify.h"
#include "process/signals.h"

/* The master's loop, its signal descriptor, other channels, the pid file: all but the named. */
static void
close_inherited(const struct inheritance *inheritance)
{
	size_t services = inheritance->modules != NULL ? inheritance->config->service_count : 0;
	size_t count = 0;
	int keep[8 + inheritance->listener_count + services];

	keep[count++] = log_fd();
	keep[count++] = inheritance->channel;
	keep[count++] = inheritance->inbox;
	keep[count++] = inheritance->traces;
	if (inheritance->segment != NULL) {
		const struct segment_files files = segment_files(inheritance->segment);

		keep[count++] = files.fd;
		keep[count++] = files.readonly_fd;
		keep[count++] = files.former_fd;
		keep[count++] = files.former_readonly_fd;
	}
	for (size_t i = 0; i < inheritance->listener_count; i++)
		keep[count++] = inheritance->listeners[i].fd;
	for (size_t i = 0; i < services; i++)
		keep[count++] = inheritance->modules[i];
	fd_close_all_but(keep, count);
}

static PF_NORETURN void
become(const struct role *role, const struct inheritance *inherited, int channel, pid_t master)
{
	struct inheritance inheritance = *inherited;

	inheritance.channel = channel;
	inheritance.master = master;
	close_inherited(&inheritance);
	signals_reset();
	notify_forget();
	log_identify(role->name, inheritance.number, inheritance.generation);
	exit(role->run(&inheritance));
}

pid_t
spawn_fork(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, before);
	return fork();
}

pid_t
spawn(const struct role *role, const struct inheritance *inheritance, int *channel,
	struct error *error)
{
	pid_t pid, master = getpid();
	sigset_t before;
	int ends[2];

	if (channel_pair(ends, error) != 0)
		return -1;
	pid = spawn_fork(&before);
	if (pid == 0)
		become(role, inheritance, ends[1], master);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (pid < 0) {
		error_errno(error, "cannot fork");
		close(ends[0]);
		return -1;
	}
	*channel = ends[0];
	return pid;
}

int
spawn_die_with_master(const struct inheritance *inheritance)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return getppid() == inheritance->master ? 0 : -1;
}

void
spawn_outlive_master(void)
{
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}
