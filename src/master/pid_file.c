#include <config.h>

#include "master/pid_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

/* Whether the path still names the file that is locked: nobody removed or replaced it. */
static bool
is_own(const struct pid_file *file)
{
	struct stat locked, named;

	return fstat(file->fd, &locked) == 0 && stat(file->path, &named) == 0 &&
		locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

/* Whether it begins as one does, or is empty: it will be written over, and removed. */
static bool
is_pid_file(int fd)
{
	struct stat st;
	char first;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	return st.st_size == 0 || (pread(fd, &first, 1, 0) == 1 && isdigit((unsigned char)first));
}

/* pidfile_open follows links, but to what is open here none can be laid in its way. */
static int
lock(struct pid_file *file, bool *held, struct error *error)
{
	int fd = path_open(file->path, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY, 0644, error);
	char opened[64];
	pid_t other = 0;

	if (fd < 0)
		return -1;
	if (!is_pid_file(fd)) {
		close(fd);
		return error_set(error,
			"\"%s\" holds something else than a process id: remove it first",
			file->path);
	}
	snprintf(opened, sizeof(opened), "/proc/self/fd/%d", fd);
	file->handle = pidfile_open(opened, 0644, &other);
	*held = file->handle == NULL && errno == EEXIST;
	if (*held)
		error_set(error, "\"%s\" is held by process %ld, which runs already", file->path,
			(long)other);
	else if (file->handle == NULL)
		error_errno(error, "cannot open \"%s\"", file->path);
	close(fd);
	file->fd = file->handle != NULL ? pidfile_fileno(file->handle) : -1;
	return file->handle != NULL ? 0 : -1;
}

/* A former holder may have removed the file between its opening and its locking. */
static int
lock_named(struct pid_file *file, bool *held, struct error *error)
{
	while (lock(file, held, error) == 0) {
		if (is_own(file))
			return 0;
		pidfile_close(file->handle);
		file->handle = NULL;
		file->fd = -1;
	}
	return -1;
}

int
pid_file_open(struct pid_file *file, const char *path, bool *held, struct error *error)
{
	*held = false;
	*file = (struct pid_file){ .fd = -1 };
	if (path[0] == '\0')
		return 0;
	file->path = strdup(path);
	if (file->path == NULL)
		return error_errno(error, "cannot open \"%s\"", path);
	if (lock_named(file, held, error) != 0)
		return -1;
	if (fd_set_cloexec(file->fd, true) != 0 || pidfile_write(file->handle) != 0) {
		error_errno(error, "cannot write \"%s\"", path);
		pid_file_close(file);
		return -1;
	}
	return 0;
}

int
pid_file_adopt(struct pid_file *file, const char *path, int fd, struct error *error)
{
	*file = (struct pid_file){ .fd = fd };
	if (fd < 0)
		return 0;
	file->path = strdup(path);
	return file->path != NULL ? 0 : error_errno(error, "cannot take over \"%s\"", path);
}

void
pid_file_close(struct pid_file *file)
{
	if (file->path != NULL && file->fd >= 0 && is_own(file))
		unlink(file->path);
	if (file->handle != NULL)
		pidfile_close(file->handle);
	else
		fd_close(&file->fd);
	free(file->path);
	*file = (struct pid_file){ .fd = -1 };
}
