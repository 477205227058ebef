#include <config.h>

#include "dispatch/module_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/place.h"

/* Relative to the folder of the program: the build tree's, the installed ones. */
static const char *const folders[] = {
	"modules/.libs",
	MODULE_DIR_FROM_PROGRAM,
};

/* The folder of the running program's file. Returns 0, or -1. */
static int
program_folder(char folder[static PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", folder, PATH_MAX - 1);
	char *slash;

	if (size <= 0)
		return -1;
	folder[size] = '\0';
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return -1;
	*slash = '\0';
	return 0;
}

static int
open_named(const char *name)
{
	char folder[PATH_MAX], path[2 * PATH_MAX];

	if (program_folder(folder) != 0)
		return -1;
	for (size_t i = 0; i < countof(folders); i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s/%s.so", folder, folders[i], name);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd >= 0 || errno != ENOENT)
			return fd;
	}
	return -1;
}

int
module_path_error(const struct config_service *service, struct error *error)
{
	return place_service_error(error, &service->module_place, service->name, "module");
}

/* Opened without waiting for whoever may be at the other end of a pipe. */
static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

int
module_path_open(const struct config_service *service, struct error *error)
{
	const char *module = service->module;
	bool is_path = strchr(module, '/') != NULL;
	int fd = is_path ? open_file(module) : open_named(module);

	if (fd >= 0)
		return fd;
	error_errno(error, "cannot open module \"%s\"", module);
	if (errno == EINVAL)
		error_set(error, "cannot open module \"%s\": it is no file", module);
	if (!is_path && errno == ENOENT)
		error_set(error,
			"there is no module \"%s\" (%s.so) in the folder of modules; "
			"a path has a slash in it",
			module, module);
	return module_path_error(service, error);
}
