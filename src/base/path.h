/*
 * Paths of files that a server opens with more rights than those who may be able to lay a trap on
 * the way to them: symbolic links are followed where only their folder's owner can have made them.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"

/*
 * open(2) with close-on-exec, which refuses a path with a symbolic link in a folder that everybody
 * can write to, or, below such a folder, in one of another user. No link that is put there
 * meanwhile is followed. Returns a descriptor, or -1 with the reason.
 */
PF_MUST_CHECK int path_open(const char *path, int flags, mode_t mode, struct error *error);

/*
 * The same of a path that something else is going to open or to make: whether its folders are there
 * and no link on the way, or at its end, is refused. Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int path_check(const char *path, struct error *error);

/* Whether both name the same entry of the same folder, which must be there, however spelled. */
bool path_is_same(const char *a, const char *b);

#endif
