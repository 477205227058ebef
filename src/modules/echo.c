/*
 * echo: answers each message with itself; with `tag`, puts "worker-N:" before it, so that one sees
 * which worker answers.
 */
#include <prefork/module.h>

#include <stdio.h>
#include <stdlib.h>

struct echo_options {
	bool tag;
};

struct echo {
	const struct pf_api *api;
	char tag[32];
	size_t tag_size; /* 0: no tag */
};

static const struct pf_option echo_options[] = {
	{
		.key = "tag",
		.type = PF_OPTION_BOOL,
		.offset = offsetof(struct echo_options, tag),
		.fallback = "false",
	},
	{ .key = NULL },
};

static int
echo_init(const struct pf_api *api, struct pf_service *service)
{
	const struct echo_options *options = service->options;
	struct echo *echo = calloc(1, sizeof(*echo));

	if (echo == NULL)
		return api->fail(service, "out of memory");
	echo->api = api;
	if (options->tag)
		echo->tag_size = (size_t)snprintf(
			echo->tag, sizeof(echo->tag), "worker-%u:", service->worker);
	service->state = echo;
	return 0;
}

static void
echo_exit(struct pf_service *service)
{
	free(service->state);
}

static enum pf_verdict
echo_message(struct pf_request *request)
{
	const struct echo *echo = request->connection->service->state;
	const struct pf_span parts[] = { { echo->tag, echo->tag_size }, request->message };

	/* A message that the tag makes too long for the framing gets no answer but a close. */
	if (echo->api->reply(request, parts, 2) != PF_OK)
		return PF_CLOSE;
	return PF_CONTINUE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "echo",
	.options = echo_options,
	.options_size = sizeof(struct echo_options),
	.init = echo_init,
	.exit = echo_exit,
	.message = echo_message,
};
