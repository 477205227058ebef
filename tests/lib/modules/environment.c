/* A module for tests that answers the name of a variable of the environment with its value. */
#include <stdlib.h>
#include <string.h>

#include <prefork/module.h>

static const struct pf_api *api;

static int
init(const struct pf_api *given, struct pf_service *service)
{
	(void)service;
	api = given;
	return 0;
}

static enum pf_verdict
message(struct pf_request *request)
{
	char name[64] = "";
	const char *value;
	struct pf_span reply = { "unset", strlen("unset") };

	if (request->message.size < sizeof(name))
		memcpy(name, request->message.data, request->message.size);
	value = getenv(name);
	if (value != NULL)
		reply = (struct pf_span){ value, strlen(value) };
	api->reply(request, &reply, 1);
	return PF_CONTINUE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "environment",
	.init = init,
	.message = message,
};
