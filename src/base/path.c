#include <config.h>

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"

enum {
	LINKS_MAX = 40, /* as many as the kernel follows, path_resolution(7) */
};

enum step {
	STEP_MORE,
	STEP_LAST,
	STEP_FAILED, /* errno says why */
	STEP_REFUSED,
};

/* From one folder to the next, by descriptors: what has been looked at is what is used. */
struct walk {
	int folder;              /* O_PATH */
	bool exposed;            /* everybody can write to a folder that it has come through */
	bool follow;             /* the kernel is to follow the name, which is a link */
	unsigned links;          /* followed so far */
	char name[NAME_MAX + 1]; /* in the folder */
	char rest[PATH_MAX];     /* behind the name */
};

/* Who could have put a link into the folder against the will of who runs this; NULL: nobody. */
static const char *
distrusted(struct walk *walk)
{
	struct stat st;

	if (fstat(walk->folder, &st) != 0)
		return "that cannot be looked at";
	if ((st.st_mode & S_IWOTH) != 0) {
		walk->exposed = true;
		return "that everybody can write to";
	}
	if (walk->exposed && st.st_uid != 0 && st.st_uid != geteuid())
		return "of another user";
	return NULL;
}

static enum step
refuse(const struct walk *walk, const char *why, struct error *error)
{
	char link[32], folder[PATH_MAX];
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", walk->folder);
	size = readlink(link, folder, sizeof(folder) - 1);
	folder[size > 1 ? size : 0] = '\0'; /* "/" alone is none before a slash */
	error_set(error,
		"\"%s/%s\" is a symbolic link in a folder %s; name what it points to, or use a "
		"folder that only its owner can write to",
		folder, walk->name, why);
	return STEP_REFUSED;
}

/* The links of proc(5) lead where no path does, and only the kernel makes them. */
static bool
is_in_proc(const struct walk *walk)
{
	struct statfs fs;

	return fstatfs(walk->folder, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Opens the folder where PATH starts, and moves into it. */
static int
start_at(struct walk *walk, const char *path)
{
	int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return -1;
	fd_close(&walk->folder);
	walk->folder = folder;
	walk->exposed = false;
	return 0;
}

/* Puts what the link says in the place of its name. */
static int
follow_text(struct walk *walk)
{
	char target[PATH_MAX];
	ssize_t size = readlinkat(walk->folder, walk->name, target, sizeof(target) - 1);

	if (size < 0)
		return -1;
	target[size] = '\0';
	if (++walk->links > LINKS_MAX) {
		errno = ELOOP;
		return -1;
	}
	if (strlcat(target, walk->rest, sizeof(target)) >= sizeof(target)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strlcpy(walk->rest, target, sizeof(walk->rest));
	return target[0] == '/' ? start_at(walk, "/") : 0;
}

/* Cuts the next name off the rest. Behind a slash at the end is the folder itself. */
static int
cut_name(struct walk *walk)
{
	const char *name = walk->rest + strspn(walk->rest, "/");
	size_t size = strcspn(name, "/");

	if (size > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strlcpy(walk->name, size > 0 ? name : ".", size > 0 ? size + 1 : sizeof("."));
	memmove(walk->rest, name + size, strlen(name + size) + 1);
	return 0;
}

static int
enter(struct walk *walk)
{
	int flags = O_PATH | O_DIRECTORY | O_CLOEXEC | (walk->follow ? 0 : O_NOFOLLOW);
	int folder = openat(walk->folder, walk->name, flags);

	if (folder < 0)
		return -1;
	fd_close(&walk->folder);
	walk->folder = folder;
	return 0;
}

static enum step
step(struct walk *walk, struct error *error)
{
	const char *why = distrusted(walk);
	struct stat st;

	walk->follow = false;
	if (cut_name(walk) != 0)
		return STEP_FAILED;
	if (fstatat(walk->folder, walk->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISLNK(st.st_mode)) {
		if (why != NULL)
			return refuse(walk, why, error);
		walk->follow = is_in_proc(walk);
		if (!walk->follow)
			return follow_text(walk) == 0 ? STEP_MORE : STEP_FAILED;
	}
	if (walk->rest[0] == '\0')
		return STEP_LAST;
	return enter(walk) == 0 ? STEP_MORE : STEP_FAILED;
}

static enum step
walk_all(struct walk *walk, const char *path, struct error *error)
{
	enum step last = STEP_MORE;

	*walk = (struct walk){ .folder = -1 };
	if (strlcpy(walk->rest, path, sizeof(walk->rest)) >= sizeof(walk->rest)) {
		errno = ENAMETOOLONG;
		return STEP_FAILED;
	}
	if (start_at(walk, path[0] == '/' ? "/" : ".") != 0)
		return STEP_FAILED;
	while (last == STEP_MORE)
		last = step(walk, error);
	return last;
}

/* Goes to the folder of what PATH names. Returns 0, or -1 with the reason and no folder open. */
static int
walk_to(struct walk *walk, const char *path, struct error *error)
{
	enum step last = walk_all(walk, path, error);

	if (last == STEP_LAST)
		return 0;
	fd_close(&walk->folder);
	return last == STEP_REFUSED ? -1 : error_errno(error, "cannot open \"%s\"", path);
}

int
path_open(const char *path, int flags, mode_t mode, struct error *error)
{
	struct walk walk;
	int fd;

	if (walk_to(&walk, path, error) != 0)
		return -1;
	fd = openat(
		walk.folder, walk.name, flags | O_CLOEXEC | (walk.follow ? 0 : O_NOFOLLOW), mode);
	fd_close(&walk.folder);
	return fd >= 0 ? fd : error_errno(error, "cannot open \"%s\"", path);
}

int
path_check(const char *path, struct error *error)
{
	struct walk walk;

	if (walk_to(&walk, path, error) != 0)
		return -1;
	fd_close(&walk.folder);
	return 0;
}

static const char *
file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
find_folder(const char *path, struct stat *st)
{
	const int size = (int)(file_name(path) - path);
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", size, path);
	return stat(size > 0 ? folder : ".", st) == 0;
}

bool
path_is_same(const char *a, const char *b)
{
	struct stat in_a, in_b;

	return strcmp(file_name(a), file_name(b)) == 0 && find_folder(a, &in_a) &&
		find_folder(b, &in_b) && in_a.st_dev == in_b.st_dev && in_a.st_ino == in_b.st_ino;
}
