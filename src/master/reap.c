#include <config.h>

#include "master/reap.h"

#include <sys/wait.h>

#include "process/signals.h"

void
reap_all(struct supervisor *supervisor)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		supervisor_reaped(supervisor, pid, status);
}

void
reap_describe(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "signal %s%s", signals_name(WTERMSIG(status)),
			WCOREDUMP(status) ? ", core dumped" : "");
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}
