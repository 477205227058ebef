/* The commands that tell the server to do something, and say how that went. */
#include <config.h>

#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/compiler.h"
#include "base/log.h"
#include "config/config.h"
#include "tools/ctl/commands.h"
#include "tools/ctl/link.h"
#include "tools/lib/arguments.h"

static void
expect_arguments(const struct options *options, int count, const char *what)
{
	if (options->count - 1 != count)
		arguments_refuse("%s: expected %s", options->words[0], what);
}

/*
 * Gives the order, and says on standard error that WHAT failed if it did. Returns an exit status;
 * with LINK, that is left open.
 */
static int
order(const struct options *options, const struct control_request *request,
	struct control_reply *reply, const char *what, struct link *kept)
{
	struct answer answer = { .files = { -1, -1 } };
	struct error error;
	struct link link;
	int status = link_open(&link, options, &error);

	if (status == EX_OK)
		status = link_ask(&link, request, &answer, &error);
	*reply = answer.reply;
	if (status != EX_OK)
		warnx("%s: %s", what, error.text);
	answer_close(&answer);
	if (kept != NULL)
		*kept = link;
	else
		link_close(&link);
	return status;
}

int
reload_run(const struct options *options)
{
	const struct control_request request = { .command = CONTROL_RELOAD };
	struct control_reply reply;
	int status;

	expect_arguments(options, 0, "no argument");
	status = order(options, &request, &reply, "reload failed", NULL);
	if (status != EX_OK)
		return status;
	if (reply.replaced)
		printf("reloaded: %" PRIu32 " new workers, generation %" PRIu32 ", in %" PRId64
		       " ms\n",
			reply.workers, reply.generation, reply.took_ms);
	else
		printf("reloaded: the workers of generation %" PRIu32 " have the new settings\n",
			reply.generation);
	return EX_OK;
}

int
upgrade_run(const struct options *options)
{
	const struct control_request request = { .command = CONTROL_UPGRADE };
	struct control_reply reply;
	int status;

	expect_arguments(options, 0, "no argument");
	status = order(options, &request, &reply, "upgrade failed", NULL);
	if (status == EX_OK)
		printf("upgraded: version %s, generation %" PRIu32 ", process %" PRId32 "\n",
			reply.program, reply.generation, reply.pid);
	return status;
}

int
workers_run(const struct options *options)
{
	struct control_request request = { .command = CONTROL_WORKERS };
	struct control_reply reply;
	const char *text;
	char sign;
	int status;

	expect_arguments(options, 1, "a number of workers, N, +N or -N");
	text = options->words[1];
	sign = text[0];
	request.set = sign != '+' && sign != '-';
	request.number = (int32_t)arguments_number(
		"workers", text + (request.set ? 0 : 1), 1, CONFIG_WORKERS_MAX);
	if (sign == '-')
		request.number = -request.number;
	status = order(options, &request, &reply, "the number of workers stays", NULL);
	if (status == EX_OK)
		printf("workers: %" PRIu32 "\n", reply.workers);
	return status;
}

static uint32_t
parse_worker(const char *option, const char *text)
{
	return (uint32_t)arguments_number(option, text, 1, CONFIG_WORKERS_MAX);
}

static void
parse_move(const struct options *options, struct control_request *request)
{
	static const struct option long_options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ 0 },
	};
	int letter;

	optind = 0; /* getopt(3): a new scan */
	while ((letter = getopt_long(options->count, options->words, "", long_options, NULL)) !=
		-1) {
		if (letter == 'f')
			request->from = parse_worker("--from", optarg);
		else if (letter == 't')
			request->to = parse_worker("--to", optarg);
		else
			arguments_refuse_option();
	}
	if (optind < options->count || request->from == 0)
		arguments_refuse("move: expected --from N, and perhaps --to M");
}

static int
move_connections(const struct options *options, const struct control_request *request)
{
	struct control_reply reply;
	const int status = order(options, request, &reply, "no connections were moved", NULL);

	if (status == EX_OK)
		printf("connections moved: %" PRIu32 "\n", reply.moved);
	return status;
}

int
move_run(const struct options *options)
{
	struct control_request request = { .command = CONTROL_MOVE };

	parse_move(options, &request);
	return move_connections(options, &request);
}

int
rebalance_run(const struct options *options)
{
	const struct control_request request = { .command = CONTROL_REBALANCE };

	expect_arguments(options, 0, "no argument");
	return move_connections(options, &request);
}

static int
find_level(const char *word)
{
	for (int level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++) {
		if (strcmp(log_level_text((enum log_level)level), word) == 0)
			return level;
	}
	arguments_refuse("log-level: expected debug, info, warn or error, found \"%s\"", word);
}

int
log_level_run(const struct options *options)
{
	struct control_request request = { .command = CONTROL_LOG_LEVEL };
	struct control_reply reply;
	int status;

	expect_arguments(options, 1, "debug, info, warn or error");
	request.number = find_level(options->words[1]);
	status = order(options, &request, &reply, "the level stays", NULL);
	if (status == EX_OK)
		printf("log level: %s\n", options->words[1]);
	return status;
}

/* The server ends, and with it the connection to it. */
static int
end(const struct options *options, enum control_command command, const char *failed)
{
	const struct control_request request = { .command = (uint16_t)command };
	struct control_reply reply;
	struct link link;
	int status;

	expect_arguments(options, 0, "no argument");
	status = order(options, &request, &reply, failed, &link);
	if (status == EX_OK) {
		link_wait_for_end(&link);
		printf("the server has ended\n");
	}
	link_close(&link);
	return status;
}

int
drain_run(const struct options *options)
{
	return end(options, CONTROL_DRAIN, "not drained");
}

int
stop_run(const struct options *options)
{
	return end(options, CONTROL_STOP, "not stopped");
}
