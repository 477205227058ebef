#include <config.h>

#include "net/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/account.h"
#include "base/path.h"
#include "config/place.h"

static int
find_user(const struct config_service *service, uid_t *uid, struct error *error)
{
	const struct passwd *user = account_user(service->socket_user, error);

	if (user == NULL)
		return -1;
	*uid = user->pw_uid;
	if (geteuid() == 0 || *uid == geteuid())
		return 0;
	return error_set(error, "only root can give a socket to \"%s\"; expected it to be left out",
		service->socket_user);
}

static int
find_group(const struct config_service *service, gid_t *gid, struct error *error)
{
	const struct group *group = account_group(service->socket_group, error);

	if (group == NULL)
		return -1;
	*gid = group->gr_gid;
	return 0;
}

int
unix_socket_access(struct unix_socket_access *access, const struct config_service *service,
	struct error *error)
{
	*access = (struct unix_socket_access){
		.mode = (mode_t)service->socket_mode,
		.user = geteuid(),
		.group = getegid(),
	};
	if (service->socket_user[0] != '\0' && find_user(service, &access->user, error) != 0)
		return place_service_error(
			error, &service->socket_user_place, service->name, "socket_user");
	if (service->socket_group[0] != '\0' && find_group(service, &access->group, error) != 0)
		return place_service_error(
			error, &service->socket_group_place, service->name, "socket_group");
	return 0;
}

static bool
answers(const struct address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool connected;

	if (fd < 0)
		return false;
	/* EPROTOTYPE: one of another type does. */
	connected = connect(fd, &address->sa, address->size) == 0 || errno == EAGAIN ||
		errno == EPROTOTYPE;
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

/* Binds FD to a name that nobody may connect to. */
static int
bind_closed(int fd, const struct address *address, struct error *error)
{
	mode_t before = umask(0777);
	int failed = bind(fd, &address->sa, address->size);

	umask(before);
	return failed != 0 ? error_errno(error, "cannot bind") : 0;
}

static int
set_mode(const char *path, mode_t mode, struct error *error)
{
	if (fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return error_errno(error, "cannot give it socket_mode");
}

/* What only one of the old and the new mode allows is out while the owner changes. */
int
unix_socket_give(const char *path, const struct unix_socket_access *access, struct error *error)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return error_errno(error, "cannot look at it");
	if (set_mode(path, st.st_mode & access->mode, error) != 0)
		return -1;
	if (lchown(path, access->user, access->group) != 0)
		return error_errno(error, "cannot give it to socket_user and socket_group");
	return set_mode(path, access->mode, error);
}

static int
name_temporary(struct address *temporary, const char *path, struct error *error)
{
	size_t room = sizeof(temporary->un.sun_path);
	int size;

	*temporary = (struct address){ .size = sizeof(temporary->un) };
	temporary->un.sun_family = AF_UNIX;
	size = snprintf(temporary->un.sun_path, room, "%s.%ld", path, (long)getpid());
	if (size < 0 || (size_t)size >= room)
		return error_set(error, "the path is too long: at most %zu bytes", room - 12);
	return 0;
}

int
unix_socket_bind(int fd, const struct address *address, const struct unix_socket_access *access,
	bool locked, struct error *error)
{
	const char *path = address->un.sun_path;
	struct address temporary;

	if (path_check(path, error) != 0 || check_replaceable(address, locked, error) != 0 ||
		name_temporary(&temporary, path, error) != 0)
		return -1;
	if (is_socket(temporary.un.sun_path))
		unlink(temporary.un.sun_path);
	if (bind_closed(fd, &temporary, error) != 0)
		return -1;
	if (unix_socket_give(temporary.un.sun_path, access, error) == 0) {
		if (rename(temporary.un.sun_path, path) == 0)
			return 0;
		error_errno(error, "cannot rename the new socket");
	}
	unlink(temporary.un.sun_path);
	return -1;
}
