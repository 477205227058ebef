/*
 * A module for tests of traces: a message is "PLACE TRACEPARENT", where the place is i (inline) or
 * p (pool), and what stands for a traceparent may be anything. It is answered with what the handler
 * would hand on, or "none".
 */
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
	const char *text = request->message.data;

	return (struct pf_route){ .place = *text == 'p' ? PF_POOL : PF_INLINE };
}

static enum pf_verdict
message(struct pf_request *request)
{
	char text[PF_TRACEPARENT_SIZE];
	struct pf_span part = { text, api->traceparent(request, text) };

	if (part.size == 0)
		part = (struct pf_span){ "none", strlen("none") };
	api->reply(request, &part, 1);
	return PF_CONTINUE;
}

static struct pf_span
traceparent(struct pf_service *service, struct pf_span message)
{
	(void)service;
	if (message.size < 2)
		return (struct pf_span){ 0 };
	return (struct pf_span){ (const char *)message.data + 2, message.size - 2 };
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "traced",
	.flags = PF_MODULE_THREADS,
	.init = init,
	.route = route,
	.message = message,
	.traceparent = traceparent,
};
