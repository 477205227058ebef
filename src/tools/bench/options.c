#include <config.h>

#include "tools/bench/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "tools/lib/arguments.h"

enum {
	/* Options that have no letter. */
	OPTION_CHECK = 256,
	OPTION_JSON,
	OPTION_TIMEOUT,
};

enum {
	CONNECTIONS_MAX = 10 * 1000 * 1000,
	PIPELINE_MAX = 1 << 20,
	WORKERS_MAX = 1024,
};

static const struct option long_options[] = {
	{ "check", required_argument, NULL, OPTION_CHECK },
	{ "connections", required_argument, NULL, 'c' },
	{ "duration", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "pipeline", required_argument, NULL, 'p' },
	{ "processes", required_argument, NULL, 'P' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "requests", required_argument, NULL, 'n' },
	{ "size", required_argument, NULL, 's' },
	{ "threads", required_argument, NULL, 't' },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "version", no_argument, NULL, 'V' },
	{ "warmup", required_argument, NULL, 'w' },
	FRAMING_LONG_OPTIONS,
	{ 0 },
};

static const char help[] =
	"usage: preforkbench [OPTION ...] ADDRESS ...\n"
	"\n"
	"Loads a server whose replies are the frames that it is sent, and measures it. ADDRESS\n"
	"is HOST:PORT, [IPV6]:PORT or unix:PATH; of several, connections take them in turn.\n"
	"\n"
	"  -c, --connections N       connections (default 50)\n"
	"  -p, --pipeline N          requests in flight of each (default 1)\n"
	"  -s, --size SIZE           of messages: 64, 64-4K, exp:512 or file:PATH (default 64)\n"
	"  -t, --threads N           threads of each process (default 1)\n"
	"  -P, --processes N         processes that share the connections (default 1)\n"
	"  -d, --duration D          how long to measure (default 10s)\n"
	"  -n, --requests N          measure so many requests instead\n"
	"  -w, --warmup D            time before that is not measured (default none)\n"
	"      --check WHAT          of replies: length, content or none (default length)\n"
	"      --timeout D           time without a reply, or to connect (default 10s)\n"
	"      --json                print the results as JSON\n"
	"  -q, --quiet               print no results\n"
	"  -f, "
	"--framing FRAMING     length or line (default length)\n" FRAMING_HELP
	"      --max-size SIZE       largest message, and reply (default 16M)\n"
	"  -h, --help                print this and exit\n"
	"  -V, --version             print the version and exit\n"
	"\n"
	"Sizes are numbers of bytes, or with K, M or G. D is a number with ms, s, m or h.\n"
	"Exit status: 0 all is well, 1 some request or connection failed, 64 usage,\n"
	"69 cannot connect at all, 70 local failure.\n";

static enum replies_check
parse_check(const char *text)
{
	if (strcmp(text, "length") == 0)
		return REPLIES_CHECK_LENGTH;
	if (strcmp(text, "content") == 0)
		return REPLIES_CHECK_CONTENT;
	if (strcmp(text, "none") == 0)
		return REPLIES_CHECK_NONE;
	arguments_refuse("--check \"%s\": expected length, content or none", text);
}

/* How much load there is. */
static bool
parse_load(struct options *options, int option, const char *value)
{
	switch (option) {
	case 'c':
		options->connections =
			(uint64_t)arguments_number("connections", value, 1, CONNECTIONS_MAX);
		break;
	case 'p':
		options->pipeline = (uint32_t)arguments_number("pipeline", value, 1, PIPELINE_MAX);
		break;
	case 'P':
		options->processes = (uint32_t)arguments_number("processes", value, 1, WORKERS_MAX);
		break;
	case 's':
		options->size_text = value;
		break;
	case 't':
		options->threads = (uint32_t)arguments_number("threads", value, 1, WORKERS_MAX);
		break;
	default:
		return false;
	}
	return true;
}

/* How long things last. */
static bool
parse_time(struct options *options, int option, const char *value)
{
	switch (option) {
	case 'd':
		options->duration_ms = arguments_duration("duration", value);
		break;
	case 'n':
		options->requests = (uint64_t)arguments_count("requests", value);
		break;
	case 'w':
		options->warmup_ms = arguments_duration("warmup", value);
		break;
	case OPTION_TIMEOUT:
		options->timeout_ms = arguments_duration("timeout", value);
		break;
	default:
		return false;
	}
	return true;
}

static void
parse_option(struct options *options, int option, const char *value)
{
	if (parse_load(options, option, value) || parse_time(options, option, value) ||
		framing_parse(&options->framing, option == 'f' ? FRAMING_FRAMING : option, value))
		return;
	switch (option) {
	case 'h':
		arguments_print(help);
	case 'q':
		options->quiet = true;
		break;
	case 'V':
		arguments_print("preforkbench " PACKAGE_VERSION "\n");
	case OPTION_CHECK:
		options->check = parse_check(value);
		break;
	case OPTION_JSON:
		options->json = true;
		break;
	default:
		arguments_refuse_option();
	}
}

static void
check_addresses(struct options *options, int argc, char **argv)
{
	struct error error;

	if (optind == argc)
		arguments_refuse("an ADDRESS is missing");
	options->addresses = argv + optind;
	options->address_count = (size_t)(argc - optind);
	for (size_t i = 0; i < options->address_count; i++)
		if (address_check(options->addresses[i], &error) != 0)
			arguments_refuse("%s", error.text);
}

static void
check(struct options *options)
{
	struct error error;

	framing_check(&options->framing);
	if (sizes_parse(&options->sizes, options->size_text, options->framing.wire.max_message,
		    &error) != 0)
		arguments_refuse("--size %s", error.text);
	if ((uint64_t)options->threads * options->processes > WORKERS_MAX)
		arguments_refuse("--threads times --processes is at most %d", WORKERS_MAX);
}

void
options_parse(struct options *options, int argc, char **argv)
{
	int option;

	*options = (struct options){
		.size_text = "64",
		.connections = 50,
		.pipeline = 1,
		.threads = 1,
		.processes = 1,
		.duration_ms = 10 * 1000,
		.timeout_ms = 10 * 1000,
	};
	framing_init(&options->framing);
	while ((option = getopt_long(argc, argv, "c:d:f:hn:p:P:qs:t:Vw:", long_options, NULL)) !=
		-1)
		parse_option(options, option, optarg);
	check_addresses(options, argc, argv);
	check(options);
}

void
options_free(struct options *options)
{
	sizes_free(&options->sizes);
}
