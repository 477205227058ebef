/*
 * A module for tests that breaks what its worker stands on. A message is answered with itself and
 *the worker's number, once it is done:
 *
 *	loop       closes the epoll descriptor
 *	slot       fills the worker's slot of the shared memory with junk, all of it
 *	counts     only the counts of connections there
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <prefork/module.h>

enum {
	FDS = 256,
	ADMITTED = 12,         /* offsets within a slot */
	SERVICE_ADMITTED = 64, /* of the first service */
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

/* Whether the message was one of the words, and what it says is done. */
static int
obey(const struct pf_span *message)
{
	static const char *const words[] = { "loop", "slot", "counts" };
	size_t i = 0;

	while (i < 3 &&
		(message->size != strlen(words[i]) ||
			memcmp(message->data, words[i], message->size) != 0))
		i++;
	return i < 3 && (i == 0 ? close_epoll() : trample(i == 1));
}

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
	.message = message,
};
