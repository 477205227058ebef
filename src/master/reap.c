#include <config.h>

#include "master/reap.h"

#include <sys/wait.h>

void
reap_all(struct supervisor *supervisor)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		supervisor_reaped(supervisor, pid, status);
}
