/* The pid file: says who runs, and its lock keeps a second master away. libbsd's, and its traps. */
#ifndef MASTER_PID_FILE_H
#define MASTER_PID_FILE_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"

struct pid_file {
	struct pidfh *handle; /* NULL: there is none, or another program has opened it */
	int fd;               /* -1: there is none */
	char *path;
};

/*
 * Locks the file at PATH ("": none is wanted) and writes this process's id to it. *HELD says
 * whether it failed because another process has the lock.
 * Returns 0, or -1 with an error that names that process.
 */
PF_MUST_CHECK int pid_file_open(
	struct pid_file *file, const char *path, bool *held, struct error *error);

/* Takes over FD (-1: there is none), which another program in this process has locked so. */
PF_MUST_CHECK int pid_file_adopt(
	struct pid_file *file, const char *path, int fd, struct error *error);

/* Removes it, unless somebody else has put another in its place. */
void pid_file_close(struct pid_file *file);

#endif
