/*
 * Where log lines go: a descriptor that is written without ever waiting for whoever reads it.
 * A line that does not fit is dropped and counted.
 */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

enum sink_kind {
	SINK_FILE,   /* a regular file: a write does not wait for anybody */
	SINK_OWN,    /* pipe or terminal through a non-blocking description of our own */
	SINK_SHARED, /* pipe or terminal that cannot be reopened: ask poll(2) before each line */
	SINK_SOCKET, /* MSG_DONTWAIT */
	SINK_SYSLOG, /* a datagram a line; connected to again when syslogd was started anew */
	SINK_KINDS,
};

struct sink {
	int fd;
	enum sink_kind kind;
	uint64_t lost;    /* lines dropped and not yet reported */
	bool torn;        /* the last line was taken in part: the next one must not join it */
	int64_t retry_ms; /* when syslogd may be looked for again */
};

/*
 * Opens TARGET: "stderr", which is used or reopened, never changed; "syslog"; or the path of a file
 * to append to, made with mode 0640. Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int sink_open(struct sink *sink, const char *target, struct error *error);

/*
 * Makes a sink of FD, which another process has opened as a sink of this KIND, an enum sink_kind.
 * Takes FD. Returns 0, or -1 with the reason, and then FD stays the caller's.
 */
PF_MUST_CHECK int sink_adopt(struct sink *sink, int fd, uint32_t kind, struct error *error);

/* Closes its descriptor, unless that is standard error itself. */
void sink_close(struct sink *sink);

/* Whether both are the same file, whatever their descriptors. */
bool sink_is_same(const struct sink *sink, const struct sink *other);

/* Looks for a syslogd that has been started anew; nothing for other sinks. */
void sink_renew(const struct sink *sink);

/*
 * Writes a line of SIZE bytes in one call, or counts it as lost. Keeps errno. The severity, a
 * number of syslog(3), is for those who ask for one.
 */
void sink_write(struct sink *sink, int severity, const char *line, size_t size);

#endif
