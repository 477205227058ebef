#include <config.h>

#include "command.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum {
	OPTION_DAEMON = 256,
	OPTION_LISTEN,
	OPTION_MODULE,
	OPTION_OPTION,
	OPTION_SET,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, 't' },
	{ "print", no_argument, NULL, 'T' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "daemon", no_argument, NULL, OPTION_DAEMON },
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ "module", required_argument, NULL, OPTION_MODULE },
	{ "option", required_argument, NULL, OPTION_OPTION },
	{ "set", required_argument, NULL, OPTION_SET },
	{ NULL, 0, NULL, 0 },
};

static const char usage_text[] =
	"usage: preforkd [-t | -T] [--daemon] [-c FILE]\n"
	"       preforkd [-t | -T] [--daemon] --listen ADDRESS ... --module NAME\n"
	"                [--option KEY=VALUE ...] [--set KEY=VALUE ...]\n"
	"       preforkd -V | -h\n";

void
command_help(void)
{
	printf("%s\n"
	       "  -c, --config FILE    read the configuration from FILE\n"
	       "                       (" DEFAULT_CONFIG ")\n"
	       "  -t, --check          check the configuration and the modules, and exit\n"
	       "  -T, --print          print the effective configuration, and exit\n"
	       "  --daemon             go to the background once it is ready\n"
	       "  --listen ADDRESS     serve without a file: IP:PORT, [IPV6]:PORT or unix:PATH\n"
	       "  --module NAME        the module that handles messages: a name or a path\n"
	       "  --option KEY=VALUE   an option of the module\n"
	       "  --set KEY=VALUE      an option of preforkd.conf(5): workers=2, log.level=debug\n"
	       "  -V, --version        print the version, and exit\n"
	       "  -h, --help           print this, and exit\n",
		usage_text);
}

static PF_NORETURN void
usage(void)
{
	fputs(usage_text, stderr);
	exit(EX_USAGE);
}

static void
append(const char *const **list, size_t *count, const char *item)
{
	const char **grown = reallocarray((void *)(uintptr_t)*list, *count + 1, sizeof(*grown));

	if (grown == NULL)
		err(EX_OSERR, NULL);
	grown[(*count)++] = item;
	*list = grown;
}

static void
set_action(struct command *command, enum command_action action)
{
	if (command->action != COMMAND_RUN && command->action != action) {
		warnx("only one of -t, -T, -V and -h can be given");
		usage();
	}
	command->action = action;
}

static void
take_argument(struct command *command, int option, const char *value)
{
	struct config_arguments *arguments = &command->source.arguments;

	switch (option) {
	case OPTION_LISTEN:
		append(&arguments->listen, &arguments->listen_count, value);
		break;
	case OPTION_MODULE:
		if (arguments->module != NULL)
			errx(EX_USAGE, "--module can be given once");
		arguments->module = value;
		break;
	case OPTION_OPTION:
		append(&arguments->options, &arguments->option_count, value);
		break;
	case OPTION_SET:
		append(&arguments->set, &arguments->set_count, value);
		break;
	default:
		usage();
	}
}

static void
take(struct command *command, int option, const char *value)
{
	switch (option) {
	case 'c':
		command->source.path = value;
		break;
	case 't':
		set_action(command, COMMAND_CHECK);
		break;
	case 'T':
		set_action(command, COMMAND_PRINT);
		break;
	case 'V':
		set_action(command, COMMAND_VERSION);
		break;
	case 'h':
		set_action(command, COMMAND_HELP);
		break;
	case OPTION_DAEMON:
		command->source.detached = true;
		break;
	default:
		take_argument(command, option, value);
	}
}

/* A file and a service on the command line do not go together. */
static void
check(struct command *command)
{
	const struct config_arguments *arguments = &command->source.arguments;
	bool has_service = arguments->listen_count > 0 || arguments->module != NULL ||
		arguments->option_count > 0 || arguments->set_count > 0;

	if (!has_service) {
		if (command->source.path == NULL)
			command->source.path = DEFAULT_CONFIG;
		return;
	}
	if (command->source.path != NULL)
		errx(EX_USAGE, "-c goes without --listen, --module, --option and --set");
	if (arguments->listen_count == 0)
		errx(EX_USAGE, "--listen is missing: say where to listen, as 127.0.0.1:9000");
	if (arguments->module == NULL)
		errx(EX_USAGE, "--module is missing: say what handles messages, as echo");
}

void
command_parse(struct command *command, int argc, char *argv[])
{
	int option;

	*command = (struct command){ 0 };
	while ((option = getopt_long(argc, argv, "c:tTVh", long_options, NULL)) != -1)
		take(command, option, optarg);
	if (optind < argc) {
		warnx("unexpected argument \"%s\"", argv[optind]);
		usage();
	}
	if (command->action != COMMAND_VERSION && command->action != COMMAND_HELP)
		check(command);
}

void
command_free(struct command *command)
{
	free((void *)(uintptr_t)command->source.arguments.listen);
	free((void *)(uintptr_t)command->source.arguments.options);
	free((void *)(uintptr_t)command->source.arguments.set);
	*command = (struct command){ 0 };
}
