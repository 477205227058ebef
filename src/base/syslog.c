#include <config.h>

#include "base/syslog.h"

#include <paths.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

int
syslog_connect(int fd)
{
	static const struct sockaddr_un address = {
		.sun_family = AF_UNIX,
		.sun_path = _PATH_LOG,
	};

	return connect(fd, (const struct sockaddr *)&address, sizeof(address));
}

int
syslog_open(struct error *error)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return error_errno(error, "cannot make a socket");
	if (syslog_connect(fd) != 0) {
		fd_close(&fd);
		return error_errno(error, "cannot reach a syslogd at \"%s\"", _PATH_LOG);
	}
	return fd;
}

/* RFC 3164, 4.1, with the local time and without the host, which syslogd knows. */
static size_t
make_head(char *head, size_t room, int severity)
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	return (size_t)snprintf(head, room, "<%d>%s %s[%ld]: ", LOG_DAEMON | severity, stamp,
		PACKAGE_NAME, (long)getpid());
}

ssize_t
syslog_send(int fd, int severity, const char *line, size_t size)
{
	char head[96];
	size_t text_size = size > 0 && line[size - 1] == '\n' ? size - 1 : size;
	struct iovec parts[] = {
		{ .iov_base = head, .iov_len = make_head(head, sizeof(head), severity) },
		{ .iov_base = (void *)(uintptr_t)line, .iov_len = text_size },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -1;
	return (ssize_t)size;
}
