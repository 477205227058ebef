#include <config.h>

#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/syslog.h"

enum {
	SYSLOG_RETRY_MS = 1000, /* between looking for a syslogd that is gone */
};

static int
open_file(struct sink *sink, const char *path, struct error *error)
{
	struct stat st;
	int fd =
		path_open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK, 0640, error);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return error_set(
			error, "\"%s\" is a directory; expected a file or \"stderr\"", path);
	}
	*sink = (struct sink){ .fd = fd, .kind = S_ISREG(st.st_mode) ? SINK_FILE : SINK_OWN };
	return 0;
}

/* O_NONBLOCK on a duplicate would change the shell's descriptor too: open it anew instead. */
static int
reopen_nonblocking(int fd)
{
	char path[] = "/proc/self/fd/2";

	path[sizeof(path) - 2] = (char)('0' + fd);
	return open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static void
open_stderr(struct sink *sink)
{
	struct stat st;
	int own;

	*sink = (struct sink){ .fd = STDERR_FILENO, .kind = SINK_SHARED };
	if (fstat(STDERR_FILENO, &st) != 0)
		return;
	if (S_ISREG(st.st_mode)) {
		sink->kind = SINK_FILE;
		return;
	}
	if (S_ISSOCK(st.st_mode)) {
		sink->kind = SINK_SOCKET;
		return;
	}
	own = reopen_nonblocking(STDERR_FILENO);
	if (own >= 0)
		*sink = (struct sink){ .fd = own, .kind = SINK_OWN };
}

static int
open_syslog(struct sink *sink, struct error *error)
{
	*sink = (struct sink){ .fd = syslog_open(error), .kind = SINK_SYSLOG };
	return sink->fd >= 0 ? 0 : -1;
}

int
sink_open(struct sink *sink, const char *target, struct error *error)
{
	if (strcmp(target, "syslog") == 0)
		return open_syslog(sink, error);
	if (strcmp(target, "stderr") != 0)
		return open_file(sink, target, error);
	open_stderr(sink);
	return 0;
}

int
sink_adopt(struct sink *sink, int fd, uint32_t kind, struct error *error)
{
	if (fd < 0 || kind >= SINK_KINDS)
		return error_set(error, "no log: descriptor %d of kind %" PRIu32, fd, kind);
	*sink = (struct sink){ .fd = fd, .kind = (enum sink_kind)kind };
	return 0;
}

void
sink_close(struct sink *sink)
{
	if (sink->fd != STDERR_FILENO)
		fd_close(&sink->fd);
	sink->fd = -1;
}

bool
sink_is_same(const struct sink *sink, const struct sink *other)
{
	struct stat st, other_st;

	return fstat(sink->fd, &st) == 0 && fstat(other->fd, &other_st) == 0 &&
		st.st_dev == other_st.st_dev && st.st_ino == other_st.st_ino;
}

static ssize_t
write_when_ready(int fd, const char *line, size_t size)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
		return -1;
	return write(fd, line, size);
}

/*
 * The same socket, which all processes may share, is connected to the syslogd that is there now.
 * Who comes second finds it connected.
 */
static ssize_t
send_to_syslog(struct sink *sink, int severity, const char *line, size_t size)
{
	ssize_t taken = syslog_send(sink->fd, severity, line, size);
	int64_t now;

	if (taken >= 0 || (errno != ECONNREFUSED && errno != ENOTCONN))
		return taken;
	now = clock_monotonic_ms();
	if (now < sink->retry_ms)
		return -1;
	sink->retry_ms = now + SYSLOG_RETRY_MS;
	return syslog_connect(sink->fd) == 0 ? syslog_send(sink->fd, severity, line, size) : -1;
}

void
sink_renew(const struct sink *sink)
{
	if (sink->kind == SINK_SYSLOG && syslog_connect(sink->fd) != 0)
		return; /* none is there: the next line says so, or the next look finds it */
}

static ssize_t
write_once(struct sink *sink, int severity, const char *line, size_t size)
{
	switch (sink->kind) {
	case SINK_FILE:
	case SINK_OWN:
		return write(sink->fd, line, size);
	case SINK_SHARED:
		return write_when_ready(sink->fd, line, size);
	case SINK_SOCKET:
		return send(sink->fd, line, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	case SINK_SYSLOG:
		return send_to_syslog(sink, severity, line, size);
	case SINK_KINDS:
		break;
	}
	return -1;
}

void
sink_write(struct sink *sink, int severity, const char *line, size_t size)
{
	int saved = errno;
	ssize_t taken = -1;

	if (sink->torn && write_once(sink, severity, "\n", 1) == 1)
		sink->torn = false;
	if (!sink->torn)
		taken = write_once(sink, severity, line, size);
	if (taken != (ssize_t)size)
		sink->lost++;
	if (taken > 0 && taken != (ssize_t)size)
		sink->torn = true;
	errno = saved;
}
