/* A module for tests: answers in the pool with the message itself, and closes behind "bye". */
#include <prefork/module.h>

#include <string.h>

static const struct pf_api *api;

static int
init(const struct pf_api *given, struct pf_service *service)
{
	(void)service;
	api = given;
	return 0;
}

static struct pf_route
route(const struct pf_request *request)
{
	(void)request;
	return (struct pf_route){ PF_POOL, PF_PRIORITY_SERVICE };
}

static enum pf_verdict
message(struct pf_request *request)
{
	const struct pf_span *said = &request->message;

	api->reply(request, said, 1);
	return said->size == 3 && memcmp(said->data, "bye", 3) == 0 ? PF_CLOSE : PF_CONTINUE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "farewell",
	.flags = PF_MODULE_THREADS,
	.init = init,
	.route = route,
	.message = message,
};
