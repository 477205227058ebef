#include <config.h>

#include "master/pid_file.h"

#include <errno.h>
#include <libutil.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"

int
pid_file_open(struct pid_file *file, const char *path, bool *held, struct error *error)
{
	pid_t other = 0;

	*held = false;
	*file = (struct pid_file){ 0 };
	if (path[0] == '\0')
		return 0;
	if (path_check(path, error) != 0) /* pidfile_open follows links */
		return -1;
	file->path = strdup(path);
	if (file->path == NULL)
		return error_errno(error, "cannot open \"%s\"", path);
	file->handle = pidfile_open(path, 0644, &other);
	if (file->handle == NULL) {
		*held = errno == EEXIST;
		if (*held)
			return error_set(error,
				"\"%s\" is held by process %ld, which "
				"runs already",
				path, (long)other);
		return error_errno(error, "cannot open \"%s\"", path);
	}
	if (fd_set_cloexec(pidfile_fileno(file->handle), true) != 0 ||
		pidfile_write(file->handle) != 0) {
		error_errno(error, "cannot write \"%s\"", path);
		pid_file_close(file);
		return -1;
	}
	return 0;
}

/* Whether the path still names the file that is locked: nobody removed or replaced it. */
static bool
is_own(const struct pid_file *file)
{
	struct stat locked, named;

	return fstat(pidfile_fileno(file->handle), &locked) == 0 && stat(file->path, &named) == 0 &&
		locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

void
pid_file_close(struct pid_file *file)
{
	if (file->handle != NULL && is_own(file))
		pidfile_remove(file->handle);
	else if (file->handle != NULL)
		pidfile_close(file->handle);
	free(file->path);
	*file = (struct pid_file){ 0 };
}
