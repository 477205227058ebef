/* Ends its process if a callback of a connection runs while another one does. */
#include <prefork/module.h>

#include <stdlib.h>

static const struct pf_api *api;
static int running;

static void
enter(void)
{
	if (running++ > 0)
		abort();
}

static void
leave(void)
{
	running--;
}

static int
init(const struct pf_api *given, struct pf_service *service)
{
	(void)service;
	api = given;
	return 0;
}

static enum pf_verdict
opened(struct pf_connection *connection)
{
	enter();
	connection->state = calloc(1, sizeof(int));
	leave();
	return connection->state != NULL ? PF_CONTINUE : PF_CLOSE;
}

static void
closed(struct pf_connection *connection)
{
	enter();
	free(connection->state);
	leave();
}

static enum pf_verdict
message(struct pf_request *request)
{
	static char large[100000];
	const struct pf_span part = { large, sizeof(large) };
	int *count = request->connection->state;

	enter();
	(void)api->reply(request, &part, 1);
	(*count)++;
	leave();
	return PF_CONTINUE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "nested",
	.init = init,
	.opened = opened,
	.closed = closed,
	.message = message,
};
