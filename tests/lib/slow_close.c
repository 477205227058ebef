/*
 * For LD_PRELOAD: whoever closes the socket of a client is kept for a millisecond when that is
 * done, so that the client knows first.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool
is_client(int fd)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET;
}

int
close(int fd)
{
	const bool slow = is_client(fd);
	const int result = (int)syscall(SYS_close, fd);

	if (slow)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	return result;
}
