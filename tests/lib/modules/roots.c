/*
 * A module for tests that says on standard error where it is and what it may do at each step, as in
 * "module: init outside capabilities 0000000000040000", and answers each message with where it is:
 * "inside" is where there is a file /inside.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <prefork/module.h>

static const struct pf_api *api;
static FILE *status; /* of this process; opened before the root is changed */

static const char *
where(void)
{
	return access("/inside", F_OK) == 0 ? "inside" : "outside";
}

/* The capabilities that are in effect. */
static void
print_capabilities(char *text, size_t room)
{
	char line[256];

	snprintf(text, room, "unknown");
	rewind(status);
	while (fgets(line, sizeof(line), status) != NULL) {
		if (strncmp(line, "CapEff:\t", strlen("CapEff:\t")) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(text, room, "%s", line + strlen("CapEff:\t"));
	}
}

static void
say(const char *step)
{
	char capabilities[64];

	print_capabilities(capabilities, sizeof(capabilities));
	dprintf(STDERR_FILENO, "module: %s %s capabilities %s\n", step, where(), capabilities);
}

static int
init(const struct pf_api *given, struct pf_service *service)
{
	api = given;
	status = fopen("/proc/self/status", "re");
	if (status == NULL)
		return api->fail(service, "cannot read /proc/self/status");
	say("init");
	return 0;
}

static int
started(struct pf_service *service)
{
	(void)service;
	say("started");
	return 0;
}

static enum pf_verdict
message(struct pf_request *request)
{
	const char *answer = where();
	struct pf_span span = { answer, strlen(answer) };

	api->reply(request, &span, 1);
	return PF_CONTINUE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "roots",
	.flags = PF_MODULE_THREADS,
	.init = init,
	.started = started,
	.message = message,
};
