#include <config.h>

#include "process/notify.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

static const char socket_variable[] = "NOTIFY_SOCKET";
static const char interval_variable[] = "WATCHDOG_USEC";
static const char pid_variable[] = "WATCHDOG_PID";

/* A number from the environment; 0: there is none. */
static int64_t
number(const char *variable)
{
	const char *value = getenv(variable), *bad = NULL;
	const int64_t found = value != NULL ? strtonum(value, 1, INT64_MAX, &bad) : 0;

	return bad == NULL ? found : 0;
}

/* Without a process id it is meant for whoever finds it. */
static int64_t
watchdog_ms(void)
{
	const int64_t pid = number(pid_variable);

	return pid == 0 || pid == getpid() ? number(interval_variable) / 1000 : 0;
}

int
notify_open(struct notify *notify, struct error *error)
{
	const char *name = getenv(socket_variable);
	struct sockaddr_un *address = &notify->address;

	*notify = (struct notify){ .address.sun_family = AF_UNIX };
	if (name == NULL || name[0] == '\0')
		return 0;
	if ((name[0] != '/' && name[0] != '@') || name[1] == '\0' ||
		strlen(name) >= sizeof(address->sun_path))
		return error_set(error,
			"%s is \"%.128s\": expected a path, or a name that begins with @",
			socket_variable, name);
	strlcpy(address->sun_path, name, sizeof(address->sun_path));
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	notify->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	notify->watchdog_ms = watchdog_ms();
	return 0;
}

int
notify_send(const struct notify *notify, const char *lines)
{
	ssize_t sent;
	int fd;

	if (notify->size == 0)
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	sent = sendto(fd, lines, strlen(lines), MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)&notify->address, notify->size);
	fd_close(&fd);
	return sent < 0 ? -1 : 0;
}

void
notify_take_place(void)
{
	char pid[16];

	if (number(pid_variable) != getppid())
		return;
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv(pid_variable, pid, 1);
}

void
notify_forget(void)
{
	unsetenv(socket_variable);
	unsetenv(interval_variable);
	unsetenv(pid_variable);
}
