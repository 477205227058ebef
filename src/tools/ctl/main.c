/* preforkctl: shows what a running preforkd does, and tells it what to do. */
#include <config.h>

#include <err.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/compiler.h"
#include "tools/ctl/commands.h"
#include "tools/lib/arguments.h"

static const struct command {
	const char *name;
	int (*run)(const struct options *options);
} commands[] = {
	{ "check", check_run },
	{ "connections", connections_run },
	{ "drain", drain_run },
	{ "kill", kill_run },
	{ "log-level", log_level_run },
	{ "move", move_run },
	{ "rebalance", rebalance_run },
	{ "reload", reload_run },
	{ "status", status_run },
	{ "stop", stop_run },
	{ "top", top_run },
	{ "upgrade", upgrade_run },
	{ "workers", workers_run },
};

/* What could not be written, as to a disk that is full, was not shown. */
static int
end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	warn("cannot write what there is to show");
	return status != EX_OK ? status : EX_IOERR;
}

int
main(int argc, char **argv)
{
	struct options options;

	options_parse(&options, argc, argv);
	for (size_t i = 0; i < countof(commands); i++) {
		if (strcmp(commands[i].name, options.words[0]) == 0)
			return end(commands[i].run(&options));
	}
	arguments_refuse("there is no command \"%s\"", options.words[0]);
}
