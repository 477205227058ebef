#include <config.h>

#include "net/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

static bool
answers(const struct address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool connected;

	if (fd < 0)
		return false;
	connected = connect(fd, &address->sa, address->size) == 0 || errno == EAGAIN;
	close(fd);
	return connected;
}

static bool
is_socket(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int
check_replaceable(const struct address *address, bool locked, struct error *error)
{
	struct stat st;

	if (lstat(address->un.sun_path, &st) != 0)
		return errno == ENOENT ? 0 : error_errno(error, "cannot look at it");
	if (!S_ISSOCK(st.st_mode))
		return error_set(error, "the path exists and is no socket: remove it first");
	if (!locked && answers(address)) {
		errno = EADDRINUSE;
		return error_set(error, "another process listens there");
	}
	return 0;
}

int
unix_socket_bind(int fd, const struct address *address, bool locked, struct error *error)
{
	struct address temporary = { .size = sizeof(temporary.un) };
	size_t room = sizeof(temporary.un.sun_path);
	int size;

	if (path_check(address->un.sun_path, error) != 0 ||
		check_replaceable(address, locked, error) != 0)
		return -1;
	temporary.un.sun_family = AF_UNIX;
	size = snprintf(
		temporary.un.sun_path, room, "%s.%ld", address->un.sun_path, (long)getpid());
	if (size < 0 || (size_t)size >= room)
		return error_set(error, "the path is too long: at most %zu bytes", room - 12);
	if (is_socket(temporary.un.sun_path))
		unlink(temporary.un.sun_path);
	if (bind(fd, &temporary.sa, temporary.size) != 0)
		return error_errno(error, "cannot bind");
	if (rename(temporary.un.sun_path, address->un.sun_path) != 0) {
		error_errno(error, "cannot rename the new socket");
		unlink(temporary.un.sun_path);
		return -1;
	}
	return 0;
}
