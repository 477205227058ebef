/*
 * A module for tests that answers each message with itself and loses LOSS bytes over it. Its init
 * takes BASE bytes, and waits while there is a file `wait`.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <prefork/module.h>

#ifndef LOSS
#define LOSS 0
#endif
#ifndef BASE
#define BASE 0
#endif

struct options {
	const char *wait;
};

static const struct pf_option options[] = {
	{
		.key = "wait",
		.type = PF_OPTION_STRING,
		.offset = offsetof(struct options, wait),
		.fallback = "",
	},
	{ .key = NULL },
};

static const struct pf_api *api;
static void *volatile lost;

static void
lose(size_t size)
{
	lost = size > 0 ? malloc(size) : NULL;
	if (lost != NULL)
		memset(lost, 1, size);
}

static int
init(const struct pf_api *given, struct pf_service *service)
{
	const struct options *own = service->options;

	api = given;
	lose(BASE);
	while (own->wait[0] != '\0' && access(own->wait, F_OK) == 0)
		usleep(10000);
	return 0;
}

static enum pf_verdict
message(struct pf_request *request)
{
	lose(LOSS);
	api->reply(request, &request->message, 1);
	return PF_CONTINUE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "leak",
	.options = options,
	.options_size = sizeof(struct options),
	.init = init,
	.message = message,
};
