/*
 * The socket of the machine's syslogd, to which lines go as datagrams that never wait. libc's
 * syslog(3) may: it opens, connects and sends without a limit of time.
 */
#ifndef BASE_SYSLOG_H
#define BASE_SYSLOG_H

#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"

/* Returns a socket that is connected to it, or -1 with the reason. */
PF_MUST_CHECK int syslog_open(struct error *error);

/* Connects FD to it once more, for it may be another by now. Returns 0, or -1 with errno. */
PF_MUST_CHECK int syslog_connect(int fd);

/*
 * Sends LINE, SIZE bytes, as of the facility daemon, with a severity that is a number of syslog(3).
 * A newline at the end stays here. Returns SIZE, or -1 with errno.
 */
ssize_t syslog_send(int fd, int severity, const char *line, size_t size);

#endif
