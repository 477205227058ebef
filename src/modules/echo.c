/*
 * echo: answers each message with itself; with `tag`, puts "worker-N:" before it, so that one sees
 * which worker answers. With `burn_us` or `sleep_us` it takes that time for each message, in the
 * pool: a handler to measure and to test with.
 */
#include <prefork/module.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ECHO_TIME_MAX_US INT64_C(60000000)

struct echo_options {
	bool tag;
	int64_t burn_us;  /* of CPU time */
	int64_t sleep_us; /* of sleep */
};

struct echo {
	const struct pf_api *api;
	char tag[32];
	size_t tag_size; /* 0: no tag */
	bool quick;      /* it takes no time of its own */
};

static const struct pf_option echo_options[] = {
	{
		.key = "tag",
		.type = PF_OPTION_BOOL,
		.offset = offsetof(struct echo_options, tag),
		.fallback = "false",
	},
	{
		.key = "burn_us",
		.type = PF_OPTION_INTEGER,
		.offset = offsetof(struct echo_options, burn_us),
		.fallback = "0",
		.min = 0,
		.max = ECHO_TIME_MAX_US,
	},
	{
		.key = "sleep_us",
		.type = PF_OPTION_INTEGER,
		.offset = offsetof(struct echo_options, sleep_us),
		.fallback = "0",
		.min = 0,
		.max = ECHO_TIME_MAX_US,
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
	echo->quick = options->burn_us == 0 && options->sleep_us == 0;
	service->state = echo;
	return 0;
}

static void
echo_exit(struct pf_service *service)
{
	free(service->state);
}

static int64_t
cpu_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
burn(int64_t us)
{
	const int64_t end_ns = cpu_time_ns() + us * 1000;

	while (cpu_time_ns() < end_ns)
		continue;
}

static void
rest(int64_t us)
{
	const struct timespec wait = {
		.tv_sec = us / 1000000,
		.tv_nsec = us % 1000000 * 1000,
	};

	nanosleep(&wait, NULL);
}

static struct pf_route
echo_route(const struct pf_request *request)
{
	const struct echo *echo = request->connection->service->state;

	return (struct pf_route){ echo->quick ? PF_INLINE : PF_POOL, PF_PRIORITY_SERVICE };
}

static void
take_time(const struct echo_options *options)
{
	if (options->burn_us > 0)
		burn(options->burn_us);
	if (options->sleep_us > 0)
		rest(options->sleep_us);
}

static int
reply_tagged(const struct echo *echo, struct pf_request *request)
{
	const struct pf_span parts[] = { { echo->tag, echo->tag_size }, request->message };

	return echo->api->reply(request, parts, 2);
}

static enum pf_verdict
echo_message(struct pf_request *request)
{
	const struct echo *echo = request->connection->service->state;
	int result;

	if (!echo->quick)
		take_time(request->connection->service->options);
	if (echo->tag_size > 0)
		result = reply_tagged(echo, request);
	else
		result = echo->api->reply(request, &request->message, 1);
	/* A message that the tag makes too long for the framing gets no answer but a close. */
	return result == PF_OK ? PF_CONTINUE : PF_CLOSE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "echo",
	.options = echo_options,
	.options_size = sizeof(struct echo_options),
	.flags = PF_MODULE_THREADS,
	.init = echo_init,
	.exit = echo_exit,
	.route = echo_route,
	.message = echo_message,
};
