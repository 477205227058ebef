/*
 * A module for tests that a server refuses, or a worker does not survive. What is wrong with it is
 * chosen at compile time, by one of the -D below.
 */
#include <prefork/module.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#if defined INIT_FORGES
#include <sys/socket.h>

#include "process/messages.h"
#endif

struct options {
	const char *path;
	int64_t number;
	int64_t pause;
	bool flag;
};

static const struct pf_option options[] = {
	{ .key = "path", .type = PF_OPTION_STRING, .offset = offsetof(struct options, path) },
	{
		.key = "number",
		.type = PF_OPTION_INTEGER,
		.offset = offsetof(struct options, number),
		.fallback = "5",
		.min = 1,
		.max = 10,
	},
	{
		.key = "pause",
		.type = PF_OPTION_DURATION,
		.offset = offsetof(struct options, pause),
		.fallback = "1s",
		.max = 60000,
	},
	{
		.key = "flag",
		.type = PF_OPTION_BOOL,
		.offset = offsetof(struct options, flag),
		.fallback = "false",
	},
#ifdef OPTION_OUTSIDE
	{
		.key = "outside",
		.type = PF_OPTION_INTEGER,
		.offset = sizeof(struct options),
		.fallback = "1",
	},
#endif
	{ .key = NULL },
};

static const struct pf_api *api;
int *volatile nowhere;

/* A crash on purpose is to be a crash. */
#define NO_SANITIZER \
	__attribute__((no_sanitize("address"))) __attribute__((no_sanitize("undefined")))

#if defined INIT_THREAD
static void *
run(void *arg)
{
	pause();
	return arg;
}
#endif

#if defined INIT_FORGES
/* Says itself that it cannot start, with a status that says the opposite. */
static void
forge(void)
{
	struct message message = {
		.version = MESSAGE_VERSION,
		.type = MESSAGE_FAILED,
		.failed = { .exit_status = 0, .reason = "red \033[31m and\rmore" },
	};

	for (int fd = 3; fd < 256; fd++) /* all but one refuse it */
		(void)send(fd, &message, sizeof(message), MSG_NOSIGNAL);
	for (;;)
		pause();
}
#endif

NO_SANITIZER static int
init(const struct pf_api *given, struct pf_service *service)
{
	const struct options *given_options = service->options;

	api = given;
	(void)given_options;
#if defined INIT_FAILS
	return api->fail(service, "no \"%s\" here,\nreally", "luck");
#elif defined INIT_FAILS_SILENTLY
	return 1;
#elif defined INIT_SAYS_UID
	return api->fail(service, "uid %u euid %u gid %u", getuid(), geteuid(), getgid());
#elif defined INIT_CRASHES
	*nowhere = 1;
#elif defined INIT_EXITS
	exit(0);
#elif defined INIT_FORGES
	forge();
#elif defined INIT_HANGS
	for (;;)
		pause();
#elif defined INIT_THREAD
	pthread_t thread;

	return pthread_create(&thread, NULL, run, NULL);
#elif defined INIT_CRASHES_IF_PATH
	if (access(given_options->path, F_OK) == 0)
		*nowhere = 1;
#elif defined INIT_FAILS_IF_PATH
	if (access(given_options->path, F_OK) == 0)
		return api->fail(service, "%s is in the way", given_options->path);
#elif defined INIT_HANGS_IF_PATH
	while (access(given_options->path, F_OK) == 0)
		usleep(10000);
#elif defined INIT_SHOWS_OPTIONS
	return api->fail(service, "path <%s> number %jd pause %jd flag %d", given_options->path,
		(intmax_t)given_options->number, (intmax_t)given_options->pause,
		given_options->flag);
#endif
	return 0;
}

#ifndef NO_MESSAGE
static enum pf_verdict
message(struct pf_request *request)
{
	api->reply(request, &request->message, 1);
	return PF_CONTINUE;
}
#endif

#ifdef NO_SYMBOL
PF_EXPORT extern const struct pf_module other_symbol;
#define pf_module_symbol other_symbol
#else
#define pf_module_symbol pf_module
#endif

PF_EXPORT const struct pf_module pf_module_symbol = {
	.size = sizeof(struct pf_module),
#ifdef OTHER_MAJOR
	.abi_major = PF_ABI_MAJOR + 1,
#else
	.abi_major = PF_ABI_MAJOR,
#endif
	.abi_minor = PF_ABI_MINOR,
	.name = "refused",
	.options = options,
	.options_size = sizeof(struct options),
	.init = init,
#ifndef NO_MESSAGE
	.message = message,
#endif
};
