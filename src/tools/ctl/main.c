/* preforkctl: shows what a running preforkd does, and tells it what to do. */
#include <config.h>

#include <stddef.h>
#include <string.h>

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

int
main(int argc, char **argv)
{
	struct options options;

	options_parse(&options, argc, argv);
	for (size_t i = 0; i < countof(commands); i++) {
		if (strcmp(commands[i].name, options.words[0]) == 0)
			return commands[i].run(&options);
	}
	arguments_refuse("there is no command \"%s\"", options.words[0]);
}
