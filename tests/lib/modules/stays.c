/* An echo whose connections cannot move to another worker: it has a state, and does not save it. */
#include <prefork/module.h>

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
	connection->state = connection;
	return PF_CONTINUE;
}

static enum pf_verdict
message(struct pf_request *request)
{
	api->reply(request, &request->message, 1);
	return PF_CONTINUE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "stays",
	.init = init,
	.opened = opened,
	.message = message,
};
