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
	OPTION_CHURN,
	OPTION_IDLE,
	OPTION_JSON,
	OPTION_LIVE,
	OPTION_NO_LIVE,
	OPTION_PERCENTILES,
	OPTION_SOURCE,
	OPTION_TIMEOUT,
};

enum {
	CONNECTIONS_MAX = 10 * 1000 * 1000,
	PIPELINE_MAX = 1 << 20,
	WORKERS_MAX = 1024,
	DURATION_MS = 10 * 1000, /* unless --duration or --requests says otherwise */
};

static const struct option long_options[] = {
	{ "check", required_argument, NULL, OPTION_CHECK },
	{ "churn", optional_argument, NULL, OPTION_CHURN },
	{ "connections", required_argument, NULL, 'c' },
	{ "duration", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "idle", required_argument, NULL, OPTION_IDLE },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "live", no_argument, NULL, OPTION_LIVE },
	{ "no-live", no_argument, NULL, OPTION_NO_LIVE },
	{ "percentiles", required_argument, NULL, OPTION_PERCENTILES },
	{ "pipeline", required_argument, NULL, 'p' },
	{ "processes", required_argument, NULL, 'P' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "rate", required_argument, NULL, 'r' },
	{ "requests", required_argument, NULL, 'n' },
	{ "size", required_argument, NULL, 's' },
	{ "source", required_argument, NULL, OPTION_SOURCE },
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
	"  -r, --rate N[:N...]       send N requests a second in all, replies or not; of several,\n"
	"                            one after the other\n"
	"      --churn[=N]           close a connection after N requests (default 1), and open the\n"
	"                            next\n"
	"      --idle N              hold N further connections that send nothing\n"
	"      --source ADDR[,...]   local addresses that connections are bound to in turn\n"
	"      --check WHAT          of replies: length, content or none (default length)\n"
	"      --timeout D           time without a reply, or to connect (default 10s)\n"
	"      --json                print the results as JSON\n"
	"      --percentiles FILE    write latencies for a plot, as HdrHistogram does (.hgrm)\n"
	"  -q, --quiet               print no summary, no warnings, not how it goes\n"
	"      --live, --no-live     show how it goes, or do not (default on a terminal,\n"
	"                            without --quiet)\n"
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

/* Takes one rate, which ends with a colon or with the text. Returns what is behind it. */
static const char *
parse_rate(struct schedule *schedule, const char *text, const char *all)
{
	char *end;
	double rate = strtod(text, &end);

	if (end == text || (*end != ':' && *end != '\0') || !(rate >= 0.001 && rate <= 1e9))
		arguments_refuse("--rate \"%s\": expected requests a second, as in 1000 or "
				 "1000:2000:4000",
			all);
	if (schedule->steps == SCHEDULE_STEPS_MAX)
		arguments_refuse("--rate has at most %d steps", SCHEDULE_STEPS_MAX);
	schedule->rates[schedule->steps++] = rate;
	return *end == ':' ? end + 1 : NULL;
}

static void
parse_rates(struct schedule *schedule, const char *text)
{
	const char *rest = text;

	schedule->steps = 0;
	while (rest != NULL)
		rest = parse_rate(schedule, rest, text);
}

/* How much load there is. */
static bool
parse_load(struct options *options, int option, const char *value)
{
	switch (option) {
	case 'p':
		options->pipeline =
			(uint32_t)arguments_number("--pipeline", value, 1, PIPELINE_MAX);
		break;
	case 'P':
		options->processes =
			(uint32_t)arguments_number("--processes", value, 1, WORKERS_MAX);
		break;
	case 'r':
		parse_rates(&options->schedule, value);
		break;
	case 's':
		options->size_text = value;
		break;
	case 't':
		options->threads = (uint32_t)arguments_number("--threads", value, 1, WORKERS_MAX);
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
		options->duration_ms = arguments_duration("--duration", value);
		break;
	case 'n':
		options->requests = (uint64_t)arguments_count("--requests", value);
		break;
	case 'w':
		options->warmup_ms = arguments_duration_or_none("--warmup", value);
		break;
	case OPTION_TIMEOUT:
		options->timeout_ms = arguments_duration("--timeout", value);
		break;
	default:
		return false;
	}
	return true;
}

/* What connections there are. */
static bool
parse_connections(struct options *options, int option, const char *value)
{
	switch (option) {
	case 'c':
		options->connections =
			(uint64_t)arguments_number("--connections", value, 1, CONNECTIONS_MAX);
		break;
	case OPTION_CHURN:
		options->churn = (uint64_t)arguments_count("--churn", value != NULL ? value : "1");
		break;
	case OPTION_IDLE:
		options->idle = (uint64_t)arguments_number("--idle", value, 0, CONNECTIONS_MAX);
		break;
	case OPTION_SOURCE:
		options->sources = value;
		break;
	default:
		return false;
	}
	return true;
}

/* What is told. */
static bool
parse_output(struct options *options, int option, const char *value)
{
	switch (option) {
	case 'q':
		options->quiet = true;
		break;
	case OPTION_JSON:
		options->json = true;
		break;
	case OPTION_LIVE:
		options->live = LIVE_ON;
		break;
	case OPTION_NO_LIVE:
		options->live = LIVE_OFF;
		break;
	case OPTION_PERCENTILES:
		options->percentiles = value;
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
		parse_connections(options, option, value) || parse_output(options, option, value) ||
		framing_parse(&options->framing, option == 'f' ? FRAMING_FRAMING : option, value))
		return;
	switch (option) {
	case 'h':
		arguments_print(help);
	case 'V':
		arguments_print("preforkbench " PACKAGE_VERSION "\n");
	case OPTION_CHECK:
		options->check = parse_check(value);
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
	if (options->requests > 0 && options->duration_ms > 0)
		arguments_refuse("--requests and --duration are two ways to say when it ends");
	if (options->requests > 0 && options->schedule.steps > 1)
		arguments_refuse("steps of --rate last for shares of a --duration: --requests has "
				 "none");
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
		.timeout_ms = 10 * 1000,
	};
	framing_init(&options->framing);
	while ((option = getopt_long(argc, argv, "c:d:f:hn:p:P:qr:s:t:Vw:", long_options, NULL)) !=
		-1)
		parse_option(options, option, optarg);
	check_addresses(options, argc, argv);
	check(options);
	if (options->duration_ms == 0)
		options->duration_ms = DURATION_MS;
}

void
options_free(struct options *options)
{
	sizes_free(&options->sizes);
}
