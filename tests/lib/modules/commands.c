/*
 * A module for tests: does what a message says. Anything else is answered with itself.
 *
 *	large N    N bytes 'x', from memory of its own
 *	parts      three parts, one of them empty
 *	count      how many messages of this connection it has seen
 *	twice      "first"; what the second reply returned stands in the answer to `last`
 *	last       that number
 *	huge       what a reply longer than the length field can say returns
 *	silent     nothing
 *	bye        "bye", and the connection is closed
 *	service    name and worker of the service
 *	id         the connection's id
 *	symbols    which of the server's functions can be found by name
 *	null, abort, exit, hang    the worker's end
 *	deaf       a hang that only KILL ends
 *
 * Callbacks are told on standard error, which is the server's log in the tests.
 */
#include <prefork/module.h>

#include <dlfcn.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct conversation {
	unsigned count;
	int last;
};

static const struct pf_api *api;
static struct {
	char *data;
	size_t size;
} last_reply;

static const char *
word(const struct pf_span *message, const char *name)
{
	size_t size = strlen(name);

	if (message->size < size || memcmp(message->data, name, size) != 0)
		return NULL;
	return (const char *)message->data + size;
}

static int
reply(struct pf_request *request, const void *data, size_t size)
{
	const struct pf_span part = { data, size };

	return api->reply(request, &part, 1);
}

static enum pf_verdict
say(struct pf_request *request, const char *format, ...)
{
	char text[512];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	reply(request, text, (size_t)size);
	return PF_CONTINUE;
}

/* A reply is taken before `reply` returns, so the next callback spoils what it was made of. */
static void
spoil_last(void)
{
	if (last_reply.data != NULL)
		memset(last_reply.data, 'y', last_reply.size);
	free(last_reply.data);
	last_reply.data = NULL;
}

static int
init(const struct pf_api *given, struct pf_service *service)
{
	api = given;
	dprintf(STDERR_FILENO, "module: init %s worker %u\n", service->name, service->worker);
	return 0;
}

static void
finish(struct pf_service *service)
{
	spoil_last();
	dprintf(STDERR_FILENO, "module: exit %s worker %u\n", service->name, service->worker);
}

static enum pf_verdict
opened(struct pf_connection *connection)
{
	connection->state = calloc(1, sizeof(struct conversation));
	dprintf(STDERR_FILENO, "module: opened %016" PRIx64 "\n", connection->id);
	return connection->state != NULL ? PF_CONTINUE : PF_CLOSE;
}

static void
closed(struct pf_connection *connection)
{
	dprintf(STDERR_FILENO, "module: closed %016" PRIx64 "\n", connection->id);
	free(connection->state);
}

static enum pf_verdict
large(struct pf_request *request, const char *digits, size_t count)
{
	char text[16];
	size_t size;

	snprintf(text, sizeof(text), "%.*s", (int)count, digits);
	size = strtoul(text, NULL, 10);
	last_reply.data = malloc(size);
	last_reply.size = size;
	if (last_reply.data == NULL)
		return PF_CLOSE;
	memset(last_reply.data, 'x', size);
	reply(request, last_reply.data, size);
	return PF_CONTINUE;
}

static enum pf_verdict
symbols(struct pf_request *request)
{
	static const char *const names[] = { "log_write", "master_run", "connection_close", "spawn",
		"config_load", "wire_length", "dispatch_api", "worker_role", "main" };
	char found[256] = "none";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (dlsym(RTLD_DEFAULT, names[i]) != NULL)
			snprintf(found, sizeof(found), "%s", names[i]);
	}
	return say(request, "%s", found);
}

/* A crash on purpose is to be a crash. */
__attribute__((no_sanitize("address"))) __attribute__((no_sanitize("undefined"))) static void
end_process(const struct pf_span *message)
{
	int *volatile nowhere = NULL;
	sigset_t all;

	if (word(message, "null"))
		*nowhere = 1;
	if (word(message, "abort"))
		abort();
	if (word(message, "exit"))
		_exit(1);
	if (word(message, "hang"))
		pause();
	if (word(message, "deaf")) {
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		pause();
	}
}

static enum pf_verdict
talk(struct pf_request *request, struct conversation *conversation)
{
	const struct pf_connection *connection = request->connection;
	const struct pf_span *message = &request->message;
	static const struct pf_span parts[] = { { "one ", 4 }, { "", 0 }, { "two", 3 } };
	static const struct pf_span endless[] = { { "x", UINT32_MAX }, { "x", UINT32_MAX } };

	if (word(message, "parts"))
		return api->reply(request, parts, 3) == PF_OK ? PF_CONTINUE : PF_CLOSE;
	if (word(message, "count"))
		return say(request, "%u", conversation->count);
	if (word(message, "last"))
		return say(request, "%d", conversation->last);
	if (word(message, "huge"))
		return say(request, "%d", api->reply(request, endless, 2));
	if (word(message, "silent"))
		return PF_CONTINUE;
	if (word(message, "service"))
		return say(
			request, "%s %u", connection->service->name, connection->service->worker);
	if (word(message, "id"))
		return say(request, "%016" PRIx64, connection->id);
	if (word(message, "symbols"))
		return symbols(request);
	if (word(message, "twice")) {
		say(request, "first");
		conversation->last = reply(request, "second", 6);
		return PF_CONTINUE;
	}
	if (word(message, "bye")) {
		say(request, "bye");
		return PF_CLOSE;
	}
	reply(request, message->data, message->size);
	return PF_CONTINUE;
}

static enum pf_verdict
take(struct pf_request *request)
{
	struct conversation *conversation = request->connection->state;
	const char *size = word(&request->message, "large ");

	spoil_last();
	conversation->count++;
	end_process(&request->message);
	if (size != NULL)
		return large(request, size, request->message.size - strlen("large "));
	return talk(request, conversation);
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "commands",
	.init = init,
	.exit = finish,
	.opened = opened,
	.closed = closed,
	.message = take,
};
