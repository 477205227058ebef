/*
 * floor: what an echo server costs at the least on this kernel, to measure others against. A bare
 * edge-triggered epoll loop a process, frames of a 4-byte big-endian length of at most 1 MiB, and
 * nothing else: no timeout, no limit, no count, no log.
 *
 *	floor [--shared] PORT WORKERS
 *
 * Listens on 127.0.0.1. Each process has a listening socket of its own (SO_REUSEPORT), or with
 * --shared all wait at one (EPOLLEXCLUSIVE). BURN_US in the environment: so many microseconds of
 * CPU time for each message. Ends with its processes by SIGTERM or SIGINT.
 *
 * A wake is one read into the buffer of the loop and one write out of it: the replies to complete
 * frames are these frames. A connection has memory only for a frame that came in part, and for
 * replies that its socket did not take; while it has the latter, nothing more is read from it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "processes.h"

enum {
	HEADER_SIZE = 4,
	MESSAGE_MAX = 1 << 20,
	BUFFER_SIZE = 256 << 10,
	EVENTS_MAX = 256,
	FILES_MAX = 1 << 20, /* each has a place, so that no hard limit asks for gigabytes */
};

/* Bytes of a connection that wait for more: the start of a frame, or replies not yet written. */
struct piece {
	size_t done; /* read, or written */
	size_t size; /* to be read or written in all; of a frame whose header is not whole 4 */
	unsigned char bytes[];
};

/* A worker: one process, so that its loop needs no argument passed around. */
static struct {
	int epoll;
	int listener;
	bool shared;            /* the listener, with the other workers */
	struct piece **partial; /* by descriptor: NULL unless a frame came in part */
	struct piece **unsent;  /* by descriptor: NULL unless the socket was full */
	int64_t burn_ns;        /* a message */
	unsigned char buffer[BUFFER_SIZE];
} worker;

static int64_t
cpu_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What stands for the work of a handler. */
static void
handle_message(void)
{
	if (worker.burn_ns > 0) {
		const int64_t end_ns = cpu_time_ns() + worker.burn_ns;

		while (cpu_time_ns() < end_ns)
			continue;
	}
}

/* Size of the frame with its header, 0 if no such frame is allowed. */
static size_t
frame_size(const unsigned char *header)
{
	uint32_t size;

	memcpy(&size, header, sizeof(size));
	size = ntohl(size);
	return size <= MESSAGE_MAX ? HEADER_SIZE + size : 0;
}

static void
close_connection(int fd)
{
	free(worker.partial[fd]);
	free(worker.unsent[fd]);
	worker.partial[fd] = NULL;
	worker.unsent[fd] = NULL;
	close(fd);
}

/* Keeps what the socket did not take of the replies in FRAMES, of which WRITTEN bytes are out. */
static bool
keep_unsent(int fd, const struct iovec *frames, size_t written)
{
	const size_t total = frames[0].iov_len + frames[1].iov_len;
	struct piece *unsent = malloc(sizeof(*unsent) + total);

	if (unsent == NULL)
		return false;
	unsent->done = written;
	unsent->size = total;
	if (frames[0].iov_len > 0)
		memcpy(unsent->bytes, frames[0].iov_base, frames[0].iov_len);
	memcpy(unsent->bytes + frames[0].iov_len, frames[1].iov_base, frames[1].iov_len);
	worker.unsent[fd] = unsent;
	return true;
}

/* Writes the replies in FRAMES, of which the first may be empty. False: the connection is lost. */
static bool
send_replies(int fd, const struct iovec *frames)
{
	const size_t total = frames[0].iov_len + frames[1].iov_len;
	ssize_t written;

	if (total == 0)
		return true;
	if (frames[0].iov_len == 0)
		written = write(fd, frames[1].iov_base, total);
	else
		written = writev(fd, frames, 2);
	if (written == (ssize_t)total)
		return true;
	if (written < 0 && errno != EAGAIN)
		return false;
	return keep_unsent(fd, frames, written < 0 ? 0 : (size_t)written);
}

/* True if the connection has nothing unsent any more; *LOST says that there is no connection. */
static bool
send_rest(int fd, bool *lost)
{
	struct piece *unsent = worker.unsent[fd];
	const ssize_t written =
		write(fd, unsent->bytes + unsent->done, unsent->size - unsent->done);

	if (written < 0) {
		*lost = errno != EAGAIN;
		return false;
	}
	unsent->done += (size_t)written;
	if (unsent->done < unsent->size)
		return false;
	free(unsent);
	worker.unsent[fd] = NULL;
	return true;
}

/* Keeps the start of a frame that ends the buffer; there is at least one byte of it. */
static bool
keep_partial(int fd, const unsigned char *start, size_t have)
{
	const size_t size = have < HEADER_SIZE ? HEADER_SIZE : frame_size(start);
	struct piece *partial = malloc(sizeof(*partial) + size);

	if (partial == NULL)
		return false;
	partial->done = have;
	partial->size = size;
	memcpy(partial->bytes, start, have);
	worker.partial[fd] = partial;
	return true;
}

/*
 * Answers the frames in the HAVE bytes of the buffer, after that in FIRST if it is not NULL, and
 * keeps what is left over. False: the connection is to be closed.
 */
static bool
answer(int fd, struct piece *first, size_t have)
{
	const struct iovec first_frame = {
		.iov_base = first != NULL ? first->bytes : NULL,
		.iov_len = first != NULL ? first->size : 0,
	};
	size_t at = 0, size = 0;

	if (first != NULL)
		handle_message();
	while (have - at >= HEADER_SIZE) {
		size = frame_size(worker.buffer + at);
		if (size == 0 || size > have - at)
			break;
		handle_message();
		at += size;
	}
	if (!send_replies(fd, (struct iovec[]){ first_frame, { worker.buffer, at } }))
		return false;
	if (have - at >= HEADER_SIZE && size == 0)
		return false;
	return at == have || keep_partial(fd, worker.buffer + at, have - at);
}

/* Reads behind a part of a header. As read_any. */
static ssize_t
read_after_header(int fd, struct piece *partial, bool *good)
{
	const size_t have = partial->done;
	ssize_t got;

	memcpy(worker.buffer, partial->bytes, have);
	got = read(fd, worker.buffer + have, BUFFER_SIZE - have);
	if (got > 0) {
		free(partial);
		worker.partial[fd] = NULL;
		*good = answer(fd, NULL, have + (size_t)got);
		if ((size_t)got == BUFFER_SIZE - have)
			got = BUFFER_SIZE;
	}
	return got;
}

/* Reads the rest of a frame where it belongs, and what follows it into the buffer. As read_any. */
static ssize_t
read_after_partial(int fd, struct piece *partial, bool *good)
{
	const size_t missing = partial->size - partial->done;
	const struct iovec room[] = {
		{ partial->bytes + partial->done, missing },
		{ worker.buffer, BUFFER_SIZE },
	};
	const ssize_t got = readv(fd, room, 2);

	if (got > 0 && (size_t)got < missing) {
		partial->done += (size_t)got;
	} else if (got > 0) {
		worker.partial[fd] = NULL;
		*good = answer(fd, partial, (size_t)got - missing);
		free(partial);
	}
	return got;
}

/*
 * Reads once and answers. Returns what read(2) does, at least BUFFER_SIZE if there may be more;
 * *GOOD is false if the connection is to be closed for what it sent.
 */
static ssize_t
read_any(int fd, bool *good)
{
	struct piece *partial = worker.partial[fd];
	ssize_t got;

	if (partial != NULL && partial->size == HEADER_SIZE)
		return read_after_header(fd, partial, good);
	if (partial != NULL)
		return read_after_partial(fd, partial, good);
	got = read(fd, worker.buffer, BUFFER_SIZE);
	if (got > 0)
		*good = answer(fd, NULL, (size_t)got);
	return got;
}

/* One read, unless it filled the buffer or the peer has ended: an edge comes once. */
static void
serve(int fd, uint32_t events)
{
	const bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	bool good = true, lost = false;
	ssize_t got = 0;

	if (events == EPOLLOUT && worker.unsent[fd] == NULL)
		return; /* an edge of its own: the connection is new, or has been slow */
	do {
		if (worker.unsent[fd] != NULL && !send_rest(fd, &lost)) {
			if (lost)
				close_connection(fd);
			return;
		}
		got = read_any(fd, &good);
	} while (good && (got >= BUFFER_SIZE || (got > 0 && (ended || worker.unsent[fd] != NULL))));
	if (!good || got == 0 || (got < 0 && errno != EAGAIN))
		close_connection(fd);
}

static void
accept_one(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	const int fd = accept4(worker.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	event.data.fd = fd;
	if (epoll_ctl(worker.epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		close(fd);
}

static void
run_worker(int listener)
{
	struct epoll_event events[EVENTS_MAX];
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };

	if (worker.shared)
		event.events |= EPOLLEXCLUSIVE;
	worker.listener = listener;
	worker.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (worker.epoll < 0 || epoll_ctl(worker.epoll, EPOLL_CTL_ADD, listener, &event) < 0)
		processes_fail("epoll");
	for (;;) {
		const int count = epoll_wait(worker.epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == listener)
				accept_one();
			else
				serve(events[i].data.fd, events[i].events);
		}
	}
}

/* What every process has: as many descriptors as are allowed, and a place for each. */
static void
prepare(void)
{
	const char *burn_us = getenv("BURN_US");
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
	setrlimit(RLIMIT_NOFILE, &files);
	worker.partial = calloc(files.rlim_cur, sizeof(struct piece *));
	worker.unsent = calloc(files.rlim_cur, sizeof(struct piece *));
	if (worker.partial == NULL || worker.unsent == NULL)
		processes_fail("memory");
	worker.burn_ns = burn_us != NULL ? strtoll(burn_us, NULL, 10) * 1000 : 0;
}

int
main(int argc, char **argv)
{
	worker.shared = argc > 1 && strcmp(argv[1], "--shared") == 0;
	prepare();
	processes_run(argc, argv, worker.shared, run_worker);
}
