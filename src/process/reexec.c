#include <config.h>

#include "process/reexec.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

extern char **environ;

static const char *const variables[] = {
	[REEXEC_CHECK] = "PREFORKD_CHECK",
	[REEXEC_ADOPT] = "PREFORKD_ADOPT",
	[REEXEC_RETURN] = "PREFORKD_RETURN",
};

static const char path_variable[] = "PREFORKD_PROGRAM";

/* How this process was called: it has one command line, so this is the process's. */
static struct {
	char **arguments; /* with room for one more at the front, and NULL at the end */
	int count;
	char path[PATH_MAX];
	char reason[512];
} own;

static void
keep_arguments(int argc, char *argv[])
{
	own.arguments = calloc((size_t)argc + 2, sizeof(own.arguments[0]));
	for (int i = 0; own.arguments != NULL && i < argc; i++)
		own.arguments[i + 1] = strdup(argv[i]);
	own.count = argc;
}

/* What is executed by its descriptor is called by the number of that, for pgrep and the like. */
static void
keep_name(void)
{
	const char *slash = strrchr(own.path, '/');

	prctl(PR_SET_NAME, slash != NULL ? slash + 1 : own.path);
}

/* One that was executed by another knows where that one is: its own file may be gone from there. */
static void
keep_path(void)
{
	const char *handed = getenv(path_variable);
	const ssize_t size = readlink("/proc/self/exe", own.path, sizeof(own.path) - 1);

	own.path[size > 0 ? size : 0] = '\0';
	if (handed == NULL)
		return;
	strlcpy(own.path, handed, sizeof(own.path));
	unsetenv(path_variable);
	keep_name();
}

void
reexec_init(int argc, char *argv[], struct reexec_call *call)
{
	*call = (struct reexec_call){ .why = REEXEC_NOT, .fd = -1, .reason = own.reason };
	keep_arguments(argc, argv);
	keep_path();
	for (enum reexec why = REEXEC_CHECK; why <= REEXEC_RETURN; why++) {
		const char *value = getenv(variables[why]);

		if (value == NULL)
			continue;
		call->why = why;
		call->fd = atoi(value);
		strlcpy(own.reason, strchr(value, ' ') != NULL ? strchr(value, ' ') + 1 : "",
			sizeof(own.reason));
		unsetenv(variables[why]);
	}
}

const char *
reexec_path(void)
{
	return own.path[0] != '\0' ? own.path : NULL;
}

/* The arguments, with -t behind the name of the program. */
static char **
arguments_for(enum reexec why)
{
	static char check[] = "-t";

	if (why != REEXEC_CHECK)
		return own.arguments + 1;
	own.arguments[0] = own.arguments[1];
	own.arguments[1] = check;
	return own.arguments;
}

int
reexec(int program, enum reexec why, int fd, const char *reason)
{
	char value[sizeof(own.reason)];

	if (own.arguments == NULL)
		return -1;
	snprintf(value, sizeof(value), "%d %s", fd, reason);
	if (setenv(variables[why], value, 1) != 0 || setenv(path_variable, own.path, 1) != 0)
		return -1;
	fexecve(program, arguments_for(why), environ);
	unsetenv(variables[why]);
	unsetenv(path_variable);
	return -1;
}
