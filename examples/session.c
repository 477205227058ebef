/*
 * A conversation with a name and a count, which go along when the connection moves to another
 * worker: at a reload, say, the client notices nothing.
 *
 *	"name Ada"      is answered with "hello, Ada"
 *	anything else   with "Ada, that was your message number 2"
 *
 * Build it, and have it served:
 *
 *	cc -shared -fPIC $(pkg-config --cflags preforkd) -o session.so session.c
 *	preforkd --listen 127.0.0.1:9000 --module ./session.so
 */
#include <prefork/module.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_MAX_SIZE = 32,
	SAVE_FORMAT = 1, /* another number, once struct session means something else */
};

struct session {
	char name[NAME_MAX_SIZE]; /* ends with 0 */
	uint64_t count;
};

static const struct pf_api *api;

static int
init(const struct pf_api *functions, struct pf_service *service)
{
	(void)service;
	api = functions;
	return 0;
}

static enum pf_verdict
opened(struct pf_connection *connection)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return PF_CLOSE;
	strcpy(session->name, "stranger");
	connection->state = session;
	return PF_CONTINUE;
}

static void
closed(struct pf_connection *connection)
{
	free(connection->state);
}

/* Everything is in the structure, so its bytes are what goes along. */
static ptrdiff_t
save(struct pf_connection *connection, void *buffer, size_t size)
{
	if (size < sizeof(struct session))
		return -1;
	memcpy(buffer, connection->state, sizeof(struct session));
	return sizeof(struct session);
}

static int
restore(struct pf_connection *connection, struct pf_span saved)
{
	struct session *session;

	if (saved.size != sizeof(*session))
		return -1;
	session = malloc(sizeof(*session));
	if (session == NULL)
		return -1;
	memcpy(session, saved.data, sizeof(*session));
	session->name[NAME_MAX_SIZE - 1] = '\0';
	connection->state = session;
	return 0;
}

static int
answer(struct pf_request *request, const char *text)
{
	const struct pf_span part = { text, strlen(text) };

	return api->reply(request, &part, 1);
}

static enum pf_verdict
message(struct pf_request *request)
{
	struct session *session = request->connection->state;
	const char *text = request->message.data;
	const size_t size = request->message.size;
	char reply[128];

	session->count++;
	if (size > 5 && memcmp(text, "name ", 5) == 0) {
		snprintf(session->name, sizeof(session->name), "%.*s", (int)(size - 5), text + 5);
		snprintf(reply, sizeof(reply), "hello, %s", session->name);
	} else {
		snprintf(reply, sizeof(reply), "%s, that was your message number %llu",
			session->name, (unsigned long long)session->count);
	}
	return answer(request, reply) == PF_OK ? PF_CONTINUE : PF_CLOSE;
}

const struct pf_module pf_module = {
	.size = sizeof(pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "session",
	.init = init,
	.opened = opened,
	.closed = closed,
	.message = message,
	.save = save,
	.restore = restore,
	.moved = closed,
	.save_format = SAVE_FORMAT,
};
