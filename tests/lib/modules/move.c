/*
 * An echo for hand-overs that go wrong. A connection that has said MARKED is told apart; what it
 * says moves along. For it AT (save, restore or moved) does FAULT, a statement that may return, as
 * often as there are files BOMBS/1 ... BOMBS/9, of which it takes one each time.
 *
 * NOFILE: so many descriptors a worker may have if there is a file BOMBS/nofile when it starts. One
 * that is told to STARVE opens none any more.
 */
#define _GNU_SOURCE
#include <prefork/module.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef FAULT
#define FAULT return -1
#endif
#ifndef SAVE_FORMAT
#define SAVE_FORMAT 1
#endif

static const char marked[] = "MARKED";
static const char save_point[] = "save", restore_point[] = "restore", moved_point[] = "moved";

static const struct pf_api *api;
static const char *point;

/* Whether it is to happen now. */
static int
takes_bomb(const char *here)
{
	char path[sizeof(BOMBS) + 8];
	int found = -1;

	for (char number = '1'; here == point && number <= '9' && found != 0; number++) {
		snprintf(path, sizeof(path), "%s/%c", BOMBS, number);
		found = unlink(path);
	}
	return found == 0;
}

static int
do_fault(void)
{
	FAULT;
	return 0;
}

static int
init(const struct pf_api *functions, struct pf_service *service)
{
	const struct rlimit limit = { NOFILE, NOFILE };

	(void)service;
	api = functions;
	point = strcmp(AT, save_point) == 0      ? save_point
		: strcmp(AT, restore_point) == 0 ? restore_point
						 : moved_point;
	return access(BOMBS "/nofile", F_OK) == 0 ? setrlimit(RLIMIT_NOFILE, &limit) : 0;
}

static int
says(const struct pf_request *request, const char *text)
{
	return request->message.size == strlen(text) &&
		memcmp(request->message.data, text, strlen(text)) == 0;
}

static void
starve(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_NOFILE, &none) != 0)
		abort();
}

static enum pf_verdict
message(struct pf_request *request)
{
	if (says(request, marked))
		request->connection->state = (void *)(size_t)marked;
	if (says(request, "STARVE"))
		starve();
	api->reply(request, &request->message, 1);
	return PF_CONTINUE;
}

static ptrdiff_t
save(struct pf_connection *connection, void *buffer, size_t size)
{
	if (connection->state == NULL || size == 0)
		return 0;
	if (takes_bomb(save_point) && do_fault() != 0)
		return -1;
	memcpy(buffer, "m", 1);
	return 1;
}

static int
restore(struct pf_connection *connection, struct pf_span saved)
{
	if (saved.size == 0)
		return 0;
	if (takes_bomb(restore_point) && do_fault() != 0)
		return -1;
	connection->state = (void *)(size_t)marked;
	return 0;
}

static void
moved(struct pf_connection *connection)
{
	if (connection->state != NULL && takes_bomb(moved_point))
		(void)do_fault();
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "move",
	.save_format = SAVE_FORMAT,
	.init = init,
	.message = message,
	.save = save,
	.restore = restore,
	.moved = moved,
};
