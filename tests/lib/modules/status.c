/*
 * A module for tests that says on standard error who it runs as, when it is loaded and in its init:
 * "module: init Uid: 65534 65534 65534 65534", and so on, as in /proc/self/status.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <prefork/module.h>

static const char *const names[] = {
	"Uid:", "Gid:", "Groups:", "CapPrm:", "CapEff:", "NoNewPrivs:"
};

static int
is_named(const char *line)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			return 1;
	}
	return 0;
}

/* Blanks made one, none at the end. */
static void
say_line(const char *step, char *line)
{
	char text[256] = "", *rest = NULL;

	for (char *word = strtok_r(line, " \t\n", &rest); word != NULL;
		word = strtok_r(NULL, " \t\n", &rest)) {
		size_t size = strlen(text);

		snprintf(text + size, sizeof(text) - size, " %s", word);
	}
	dprintf(STDERR_FILENO, "module: %s%s\n", step, text);
}

static void
say(const char *step)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];

	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		if (is_named(line))
			say_line(step, line);
	}
	if (status != NULL)
		fclose(status);
}

__attribute__((constructor)) static void
loaded(void)
{
	say("load");
}

static int
init(const struct pf_api *api, struct pf_service *service)
{
	(void)api;
	(void)service;
	say("init");
	return 0;
}

static enum pf_verdict
message(struct pf_request *request)
{
	(void)request;
	return PF_CLOSE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "status",
	.init = init,
	.message = message,
};
