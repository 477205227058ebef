/* Says what is wrong with a configuration, and what a reload of the server would do with it. */
#include <config.h>

#include <err.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "config/diff.h"
#include "tools/ctl/commands.h"
#include "tools/ctl/link.h"
#include "tools/lib/arguments.h"

extern char **environ;

/* The server's program is installed beside this one. */
static int
find_server(char path[static PATH_MAX])
{
	char own[PATH_MAX];
	const ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (size < 0)
		return -1;
	own[size] = '\0';
	return snprintf(path, PATH_MAX, "%s/preforkd", dirname(own)) < PATH_MAX ? 0 : -1;
}

/* `preforkd -t` looks at all that the configuration names, too, and says what it finds. */
static int
check_file(const char *file)
{
	char program[PATH_MAX];
	char *const words[] = { program, (char[]){ "-t" }, (char[]){ "-c" },
		(char *)(uintptr_t)file, NULL };
	int status, error;
	pid_t pid;

	if (find_server(program) != 0) {
		warn("cannot tell where preforkd is");
		return EX_OSFILE;
	}
	error = posix_spawn(&pid, program, NULL, NULL, words, environ);
	if (error != 0) {
		warnc(error, "cannot run %s", program);
		return EX_OSFILE;
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
		warnx("%s did not end in order", program);
		return EX_SOFTWARE;
	}
	return WEXITSTATUS(status);
}

struct report {
	bool changed, workers, restart;
};

static const char *
effect(enum option_reload reload)
{
	switch (reload) {
	case OPTION_AT_ONCE:
		return "at once";
	case OPTION_NEW_WORKERS:
		return "new workers";
	case OPTION_RESTART:
		break;
	}
	return "only a restart changes it";
}

static void
note(struct report *report, enum option_reload reload)
{
	report->changed = true;
	report->workers = report->workers || reload == OPTION_NEW_WORKERS;
	report->restart = report->restart || reload == OPTION_RESTART;
}

static void
print_key(const struct option *option, const char *service)
{
	static const char *const groups[] = {
		[OPTION_GLOBAL] = "",
		[OPTION_LOG] = "log.",
		[OPTION_ADMIN] = "admin.",
		[OPTION_TRACES] = "traces.",
		[OPTION_SERVICE] = "services.",
	};

	printf("  %s%s%s%s: ", groups[option->scope],
		option->scope == OPTION_SERVICE ? service : "",
		option->scope == OPTION_SERVICE ? "." : "", option->key);
}

static void
on_option(void *arg, const struct option *option, const char *service, const void *before,
	const void *after)
{
	print_key(option, service);
	option_print(option, before, stdout);
	fputs(" -> ", stdout);
	option_print(option, after, stdout);
	printf("  (%s)\n", effect(option->reload));
	note(arg, option->reload);
}

static void
on_service(void *arg, const char *service, enum diff_service what)
{
	static const char *const words[] = {
		[DIFF_ADDED] = "is new",
		[DIFF_REMOVED] = "is gone: its connections drain",
		[DIFF_PLACED] = "has another place in the order",
		[DIFF_OPTIONS] = "hands its module other options",
	};

	printf("  services.%s %s  (new workers)\n", service, words[what]);
	note(arg, OPTION_NEW_WORKERS);
}

static void
conclude(const struct report *report)
{
	if (report->restart)
		puts("a reload would be refused");
	else if (report->workers)
		puts("a reload would start new workers, which take the connections over");
	else if (report->changed)
		puts("a reload would replace no worker, unless a module's file is another one");
	else
		puts("  nothing differs; a reload would start new workers all the same");
}

static void
compare(const struct config *before, const struct config *after)
{
	struct report report = { 0 };
	const struct diff_visitor visitor = {
		.option = on_option,
		.service = on_service,
		.arg = &report,
	};

	puts("compared with what the server has in use:");
	diff_visit(before, after, &visitor);
	conclude(&report);
}

/* The configuration in use, or NULL with the reason, and an exit status. */
static struct config *
ask_for_config(const struct options *options, int *status, struct error *error)
{
	const struct control_request request = { .command = CONTROL_CONFIG };
	struct answer answer = { .files = { -1, -1 } };
	struct config *config = NULL;
	char path[64];
	struct link link;

	*status = link_open(&link, options, error);
	if (*status == EX_OK)
		*status = link_ask(&link, &request, &answer, error);
	if (*status == EX_OK) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", answer.files[0]);
		config = config_load(path, error);
		*status = config != NULL ? EX_OK : EX_PROTOCOL;
	}
	answer_close(&answer);
	link_close(&link);
	return config;
}

static int
compare_with_server(const struct options *options, const char *file)
{
	struct error error;
	struct config *before, *after;
	int status;

	after = config_load(file, &error);
	if (after == NULL) {
		warnx("%s", error.text);
		return EX_CONFIG;
	}
	before = ask_for_config(options, &status, &error);
	if (before != NULL)
		compare(before, after);
	else
		warnx("not compared with what is in use: %s", error.text);
	config_free(&before);
	config_free(&after);
	return status == EX_UNAVAILABLE ? EX_OK : status;
}

int
check_run(const struct options *options)
{
	const char *file = options->config != NULL ? options->config : DEFAULT_CONFIG;
	int status;

	if (options->count > 2)
		arguments_refuse("check: expected one file or none");
	if (options->count == 2)
		file = options->words[1];
	status = check_file(file);
	return status != EX_OK ? status : compare_with_server(options, file);
}
