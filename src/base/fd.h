/* Small things that are done to descriptors. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

/* Closes *FD if it is open and sets it to -1. Keeps errno. */
void fd_close(int *fd);

/* Sets or clears close-on-exec. Returns 0, or -1 with errno. */
PF_MUST_CHECK int fd_set_cloexec(int fd, bool on);

/*
 * Closes every descriptor from 3 up but those in KEEP (COUNT of them; -1 entries are skipped).
 * Sorts KEEP. For a child just after fork: what it has no business with goes by default.
 */
void fd_close_all_but(int *keep, size_t count);

/* Points descriptors 0, 1 and 2 that are closed at /dev/null, so that no other file takes them. */
PF_MUST_CHECK int fd_open_standard(void);

#endif
