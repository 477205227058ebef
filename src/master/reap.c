#include <config.h>

#include "master/reap.h"

#include <sys/wait.h>

void
reap_all(struct supervisor *supervisor, struct upgrade *upgrade, struct admin *admin)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (!upgrade_reaped(upgrade, pid, status) && !admin_reaped(admin, pid, status))
			supervisor_reaped(supervisor, pid, status);
	}
}
