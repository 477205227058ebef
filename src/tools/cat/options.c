#include <config.h>

#include "tools/cat/options.h"

#include <err.h>
#include <getopt.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/address.h"
#include "tools/lib/arguments.h"

enum {
	/* Options that have no letter. */
	OPTION_CONNECT_TIMEOUT = 256,
	OPTION_COUNT,
	OPTION_HALF_CLOSE,
	OPTION_HEX,
	OPTION_NO_REPLY,
	OPTION_RAW,
	OPTION_TIMEOUT,
};

static const struct option long_options[] = {
	{ "connect-timeout", required_argument, NULL, OPTION_CONNECT_TIMEOUT },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "file", required_argument, NULL, 'f' },
	{ "half-close", no_argument, NULL, OPTION_HALF_CLOSE },
	{ "help", no_argument, NULL, 'h' },
	{ "hex", no_argument, NULL, OPTION_HEX },
	{ "no-reply", no_argument, NULL, OPTION_NO_REPLY },
	{ "quiet", no_argument, NULL, 'q' },
	{ "raw", no_argument, NULL, OPTION_RAW },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	FRAMING_LONG_OPTIONS,
	{ 0 },
};

static const char help[] =
	"usage: preforkcat [OPTION ...] ADDRESS [MESSAGE ...]\n"
	"\n"
	"Sends each MESSAGE as a frame and prints the reply to each. Without messages and\n"
	"files, each line of standard input is a frame. ADDRESS is HOST:PORT, [IPV6]:PORT or\n"
	"unix:PATH.\n"
	"\n"
	"  -f, --file PATH           send the whole file as a frame (may be repeated)\n"
	"      --count N             send each message N times (default 1)\n"
	"      --no-reply            expect no replies\n"
	"      --half-close          shut down the sending side after the last message\n"
	"      --hex                 print replies as offsets, hexadecimal and ASCII\n"
	"      --raw                 print replies as they are, with no newline added\n"
	"  -q, --quiet               print no replies\n"
	"  -v, --verbose             say on standard error what happens\n" FRAMING_HELP
	"      --max-size SIZE       largest reply, and longest line of input (default 16M)\n"
	"      --connect-timeout D   time to connect (default 10s)\n"
	"      --timeout D           time without progress (default 10s)\n"
	"  -h, --help                print this and exit\n"
	"  -V, --version             print the version and exit\n"
	"\n"
	"SIZE is a number of bytes, or one with K, M or G. D is a number with ms, s, m or h.\n"
	"Exit status: 0 all replies came, 1 server closed first, 64 usage, 69 cannot connect,\n"
	"74 local input or output, 75 timeout, 76 reply is no frame.\n";

/* The options whose value has to be read. */
static void
parse_valued(struct options *options, int option, const char *value)
{
	if (framing_parse(&options->framing, option, value))
		return;
	switch (option) {
	case OPTION_CONNECT_TIMEOUT:
		options->connect_timeout_ms = arguments_duration("--connect-timeout", value);
		break;
	case OPTION_COUNT:
		options->count = arguments_count("--count", value);
		break;
	case OPTION_TIMEOUT:
		options->timeout_ms = arguments_duration("--timeout", value);
		break;
	default: /* getopt has said what is wrong */
		arguments_refuse_option();
	}
}

static void
parse_option(struct options *options, int option, const char *value)
{
	switch (option) {
	case 'f':
		options->files[options->file_count++] = value;
		break;
	case 'h':
		arguments_print(help);
	case 'q':
		options->quiet = true;
		break;
	case 'v':
		options->verbose = true;
		break;
	case 'V':
		arguments_print("preforkcat " PACKAGE_VERSION "\n");
	case OPTION_HALF_CLOSE:
		options->half_close = true;
		break;
	case OPTION_HEX:
		options->format = OUTPUT_HEX;
		break;
	case OPTION_NO_REPLY:
		options->no_reply = true;
		break;
	case OPTION_RAW:
		options->format = OUTPUT_RAW;
		break;
	default:
		parse_valued(options, option, value);
	}
}

void
options_parse(struct options *options, int argc, char **argv)
{
	struct error error;
	int option;

	*options = (struct options){
		.format = OUTPUT_TEXT,
		.count = 1,
		.connect_timeout_ms = 10 * 1000,
		.timeout_ms = 10 * 1000,
	};
	framing_init(&options->framing);
	options->files = calloc((size_t)argc, sizeof(options->files[0]));
	if (options->files == NULL)
		err(EX_IOERR, "cannot start");
	while ((option = getopt_long(argc, argv, "f:hqvV", long_options, NULL)) != -1)
		parse_option(options, option, optarg);
	framing_check(&options->framing);
	if (optind == argc)
		arguments_refuse("an ADDRESS is missing");
	options->address = argv[optind];
	if (address_check(options->address, &error) != 0)
		arguments_refuse("%s", error.text);
	options->messages = argv + optind + 1;
	options->message_count = (size_t)(argc - optind - 1);
}

void
options_free(struct options *options)
{
	free(options->files);
	options->files = NULL;
}
