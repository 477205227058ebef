/* preforkd(8): from the command line to a role. */
#include <config.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/fd.h"
#include "base/log.h"
#include "command.h"
#include "config/config.h"
#include "config/place.h"
#include "master/adopt.h"
#include "master/master.h"
#include "net/activation.h"
#include "process/daemon.h"
#include "process/title.h"
#include "worker/worker.h"

static const struct roles roles = {
	.worker = &worker_role,
	.admin = &admin_role,
	.check = &check_role,
};

static struct config *
load(const struct command *command)
{
	struct error error;
	struct config *config = config_from(&command->source, &error);

	if (config == NULL)
		errx(EX_CONFIG, "%s", error.text);
	return config;
}

static int
print(const struct command *command)
{
	struct config *config = load(command);

	config_print(config, stdout);
	config_free(&config);
	return EX_OK;
}

static int
check(const struct command *command, const struct reexec_call *call)
{
	struct config *config = load(command);
	struct error error;

	if (master_check(config, &roles, &error) != 0 ||
		(call->why == REEXEC_CHECK && adopt_check(call, &error) != 0)) {
		error_make_printable(error.text);
		errx(EX_CONFIG, "%s", error.text);
	}
	warnx("configuration %s is valid",
		config->path != NULL ? config->path : "of the command line");
	config_free(&config);
	return call->why == REEXEC_CHECK ? REEXEC_PASSED : EX_OK;
}

static int
open_log(const struct config *config, struct error *error)
{
	struct sink sink;

	if (sink_open(&sink, config->log_target, error) != 0)
		return place_error(error, &config->log_target_place, "log.target");
	log_use(&sink, config->log_format, config->log_level);
	return 0;
}

/*
 * In the place of another master, and with the configuration that it served: what stands in the
 * file by now is for the reload that follows. One that was here before goes on without its log,
 * too.
 */
static int
resume(const struct command *command, const struct reexec_call *call)
{
	struct error error;
	struct config *config = adopt_config(call, &error);

	if (config == NULL || (open_log(config, &error) != 0 && call->why == REEXEC_ADOPT)) {
		adopt_give_back(call, error.text);
		errx(EX_CONFIG, "%s", error.text);
	}
	return master_resume(config, &command->source, &roles, call);
}

static int
serve(const struct command *command)
{
	struct config *config = load(command);
	struct daemon daemon = DAEMON_NONE;
	struct activation activation;
	struct error error;

	if (activation_take(&activation, &error) != 0)
		errx(EX_CONFIG, "%s", error.text);
	/* Nothing that a shell left open gets into the server. */
	closefrom(activation_end(&activation));
	if (open_log(config, &error) != 0)
		errx(EX_CONFIG, "%s", error.text);
	if (command->source.detached && daemon_start(&daemon, &error) != 0)
		errx(EX_OSERR, "%s", error.text);
	return master_run(config, &command->source, &roles, &activation, &daemon);
}

int
main(int argc, char *argv[])
{
	struct reexec_call call;
	struct command command;
	int status = EX_OK;

	if (fd_open_standard() != 0)
		return EX_OSERR;
	signal(SIGPIPE, SIG_IGN);
	reexec_init(argc, argv, &call);
	title_init(argc, argv);
	command_parse(&command, argc, argv);
	switch (command.action) {
	case COMMAND_VERSION:
		puts(PACKAGE_STRING);
		break;
	case COMMAND_HELP:
		command_help();
		break;
	case COMMAND_PRINT:
		status = print(&command);
		break;
	case COMMAND_CHECK:
		status = check(&command, &call);
		break;
	case COMMAND_RUN:
		status = call.fd >= 0 ? resume(&command, &call) : serve(&command);
		break;
	}
	command_free(&command);
	if (fflush(stdout) != 0 || ferror(stdout))
		err(EX_IOERR, "standard output");
	return status;
}
