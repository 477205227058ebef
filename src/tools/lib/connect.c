#include <config.h>

#include "tools/lib/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"

enum {
	RETRY_MS = 10,
};

int
connect_socket(const struct address *address, const struct address *source)
{
	int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd < 0 || address_is_unix(address))
		return fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (source == NULL)
		return fd;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, &source->sa, source->size) != 0)
		fd_close(&fd);
	return fd;
}

/* Waits for EVENTS until the deadline. Returns 0, or -1 with errno. */
static int
wait_until(int fd, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int ready = 0;

	while (ready == 0) {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();

		if (left_ms <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		ready = poll(&poll_fd, 1, left_ms < 1000 ? (int)left_ms : 1000);
		if (ready < 0 && errno == EINTR)
			ready = 0;
	}
	return ready < 0 ? -1 : 0;
}

/* How a connection that was under way has ended. Returns 0, or -1 with errno. */
static int
finish(int fd, int64_t deadline_ms)
{
	int failed;
	socklen_t size = sizeof(failed);

	if (wait_until(fd, POLLOUT, deadline_ms) != 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
		return -1;
	errno = failed;
	return failed == 0 ? 0 : -1;
}

/*
 * A unix socket whose backlog is full says EAGAIN, connect(2), and no poll tells when it has room
 * again: it is asked time and again.
 */
static int
establish(int fd, const struct address *address, int64_t deadline_ms)
{
	while (connect(fd, &address->sa, address->size) != 0) {
		if (errno == EINPROGRESS || errno == EINTR)
			return finish(fd, deadline_ms);
		if (errno != EAGAIN || !address_is_unix(address))
			return -1;
		if (clock_monotonic_ms() >= deadline_ms) {
			errno = ETIMEDOUT;
			return -1;
		}
		poll(NULL, 0, RETRY_MS);
	}
	return 0;
}

/* In errno is why. */
static enum connect_result
connect_failed(const struct address *address, int64_t timeout_ms, struct error *error)
{
	double seconds = (double)timeout_ms / 1000;
	char text[ADDRESS_TEXT_MAX];

	address_print(address, text);
	if (errno == ECONNRESET) {
		/* A refusal is ECONNREFUSED: this one was accepted first. */
		error_set(error, "the server reset the connection at once");
		return CONNECT_RESET;
	}
	if (errno == ETIMEDOUT)
		error_set(error, "cannot connect to %s: timed out after %gs", text, seconds);
	else
		error_errno(error, "cannot connect to %s", text);
	return CONNECT_FAILED;
}

enum connect_result
connect_open(int *fd, const struct address *address, int64_t timeout_ms, struct error *error)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

	*fd = connect_socket(address, NULL);
	if (*fd < 0 || establish(*fd, address, deadline_ms) != 0) {
		fd_close(fd);
		return connect_failed(address, timeout_ms, error);
	}
	return CONNECT_DONE;
}
