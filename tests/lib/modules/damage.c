/*
 * A module for tests that breaks what its worker stands on, or what the master hears of it. What is
 * done of a message is answered with the worker's number:
 *
 *	loop       closes the epoll descriptor
 *	slot       fills the worker's slot of the shared memory with junk, all of it
 *	counts     only the counts of connections there
 *	addresses  only the table of addresses there, and dies
 *	channel    closes the channel to the master
 *	passes     sends 100 messages with two descriptors each there
 *	traces     ends the channel for traces, which all workers share
 *
 * Compiled with RETIRES it sends TERM to its own process as soon as that has started.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <prefork/module.h>

#include "process/messages.h"

enum {
	FDS = 256,
	ADMITTED = 12,         /* offsets within a slot */
	SERVICE_ADMITTED = 64, /* of the first service */
	ADDRESSES = 4096,      /* to the end of the slot */
	JUNK = 0xa5,
};

static const struct pf_api *api;

static int
init(const struct pf_api *given, struct pf_service *service)
{
	(void)service;
	api = given;
	return 0;
}

static int
close_epoll(void)
{
	char path[64], target[64];
	int closed = 0;

	for (int fd = 0; fd < FDS; fd++) {
		ssize_t size;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		size = readlink(path, target, sizeof(target) - 1);
		if (size < 0)
			continue;
		target[size] = '\0';
		if (strcmp(target, "anon_inode:[eventpoll]") == 0)
			closed += close(fd) == 0;
	}
	return closed;
}

/* The one mapping of the shared memory that is writable. Its size; 0: there is none. */
static size_t
find_slot(unsigned char **slot)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t size = 0;
	char line[512];

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		uintptr_t from, to;

		if (strstr(line, "/memfd:preforkd") == NULL || strstr(line, " rw-s ") == NULL)
			continue;
		if (sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		*slot = (unsigned char *)from;
		size = to - from;
	}
	if (maps != NULL)
		fclose(maps);
	return size;
}

static int
trample(int all)
{
	unsigned char *slot;
	size_t size = find_slot(&slot);

	if (size == 0)
		return 0;
	if (all) {
		memset(slot, JUNK, size);
		return 1;
	}
	memset(slot + ADMITTED, JUNK, sizeof(uint32_t));
	memset(slot + SERVICE_ADMITTED, JUNK, sizeof(uint32_t));
	return 1;
}

static int
trample_slot(void)
{
	return trample(1);
}

static int
trample_counts(void)
{
	return trample(0);
}

static int
trample_addresses(void)
{
	unsigned char *slot;
	size_t size = find_slot(&slot);

	if (size <= ADDRESSES)
		return 0;
	memset(slot + ADDRESSES, JUNK, size - ADDRESSES);
	return raise(SIGKILL);
}

/* The last SEQPACKET socket: the other is the inbox. */
static int
find_channel(void)
{
	int channel = -1;

	for (int fd = 3; fd < FDS; fd++) {
		int type = 0;
		socklen_t size = sizeof(type);

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
			type == SOCK_SEQPACKET)
			channel = fd;
	}
	return channel;
}

static int
close_channel(void)
{
	return close(find_channel()) == 0;
}

static int
send_two(int channel)
{
	struct message message = { .version = MESSAGE_VERSION, .type = MESSAGE_STARTING };
	struct iovec part = { &message, sizeof(message) };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	const int passed[2] = { 0, 0 };
	const struct msghdr head = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(passed));
	memcpy(CMSG_DATA(&control.header), passed, sizeof(passed));
	return sendmsg(channel, &head, 0) == (ssize_t)sizeof(message);
}

static int
pass_descriptors(void)
{
	int channel = find_channel(), sent = 0;

	for (int i = 0; i < 1000 && sent < 100; i++) {
		if (send_two(channel))
			sent++;
		else
			usleep(1000);
	}
	return sent == 100;
}

/* Of the SEQPACKET sockets, the one with the most room: the master has asked for that. */
static int
end_traces(void)
{
	int channel = -1, most = 0;

	for (int fd = 3; fd < FDS; fd++) {
		int type = 0, room = 0;
		socklen_t size = sizeof(type);

		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
		getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &size);
		if (type == SOCK_SEQPACKET && room > most) {
			channel = fd;
			most = room;
		}
	}
	return shutdown(channel, SHUT_RDWR) == 0;
}

static const struct {
	const char *word;
	int (*act)(void);
} orders[] = {
	{ "loop", close_epoll },
	{ "slot", trample_slot },
	{ "counts", trample_counts },
	{ "addresses", trample_addresses },
	{ "channel", close_channel },
	{ "passes", pass_descriptors },
	{ "traces", end_traces },
};

/* Whether the message was one of the words, and what it says is done. */
static int
obey(const struct pf_span *message)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (message->size == strlen(orders[i].word) &&
			memcmp(message->data, orders[i].word, message->size) == 0)
			return orders[i].act();
	}
	return 0;
}

#ifdef RETIRES
static int
started(struct pf_service *service)
{
	(void)service;
	return kill(getpid(), SIGTERM);
}
#endif

static enum pf_verdict
message(struct pf_request *request)
{
	char text[64];
	struct pf_span part = { text, 0 };

	if (!obey(&request->message)) {
		api->reply(request, &request->message, 1);
		return PF_CONTINUE;
	}
	part.size = (size_t)snprintf(
		text, sizeof(text), "done by %u", request->connection->service->worker);
	api->reply(request, &part, 1);
	return PF_CONTINUE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "damage",
	.init = init,
#ifdef RETIRES
	.started = started,
#endif
	.message = message,
};
