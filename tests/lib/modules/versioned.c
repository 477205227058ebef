/*
 * A module for tests that answers "who" with what it is, "VERSION of SERVICE: WORD", and any other
 * message with itself. VERSION stands on the compiler's command line, WORD is an option. Its init
 * waits while there is a file `wait`.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <prefork/module.h>

struct options {
	const char *word;
	const char *wait;
};

static const struct pf_option options[] = {
	{
		.key = "word",
		.type = PF_OPTION_STRING,
		.offset = offsetof(struct options, word),
		.fallback = "none",
	},
	{
		.key = "wait",
		.type = PF_OPTION_STRING,
		.offset = offsetof(struct options, wait),
		.fallback = "",
	},
	{ .key = NULL },
};

static const struct pf_api *api;

static int
init(const struct pf_api *given, struct pf_service *service)
{
	const struct options *own = service->options;

	api = given;
	while (own->wait[0] != '\0' && access(own->wait, F_OK) == 0)
		usleep(10000);
	return 0;
}

static int
is_who(const struct pf_span *message)
{
	return message->size == strlen("who") && memcmp(message->data, "who", message->size) == 0;
}

static enum pf_verdict
message(struct pf_request *request)
{
	const struct pf_service *service = request->connection->service;
	const struct options *own = service->options;
	struct pf_span reply = request->message;
	char text[256];

	if (is_who(&request->message)) {
		snprintf(text, sizeof(text), "%s of %s: %s", VERSION, service->name, own->word);
		reply = (struct pf_span){ text, strlen(text) };
	}
	api->reply(request, &reply, 1);
	return PF_CONTINUE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "versioned",
	.options = options,
	.options_size = sizeof(struct options),
	.init = init,
	.message = message,
};
