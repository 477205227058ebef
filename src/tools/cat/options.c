#include <config.h>

#include "tools/cat/options.h"

#include <err.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/address.h"

enum {
	/* Options that have no letter. */
	OPTION_BYTE_ORDER = 256,
	OPTION_CONNECT_TIMEOUT,
	OPTION_COUNT,
	OPTION_HALF_CLOSE,
	OPTION_HEX,
	OPTION_LENGTH_BYTES,
	OPTION_MAX_SIZE,
	OPTION_NO_REPLY,
	OPTION_RAW,
	OPTION_TIMEOUT,
};

static const struct option long_options[] = {
	{ "byte-order", required_argument, NULL, OPTION_BYTE_ORDER },
	{ "connect-timeout", required_argument, NULL, OPTION_CONNECT_TIMEOUT },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "file", required_argument, NULL, 'f' },
	{ "half-close", no_argument, NULL, OPTION_HALF_CLOSE },
	{ "help", no_argument, NULL, 'h' },
	{ "hex", no_argument, NULL, OPTION_HEX },
	{ "length-bytes", required_argument, NULL, OPTION_LENGTH_BYTES },
	{ "max-size", required_argument, NULL, OPTION_MAX_SIZE },
	{ "no-reply", no_argument, NULL, OPTION_NO_REPLY },
	{ "quiet", no_argument, NULL, 'q' },
	{ "raw", no_argument, NULL, OPTION_RAW },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
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
	"  -v, --verbose             say on standard error what happens\n"
	"      --length-bytes N      size of the length field: 1, 2, 4 or 8 (default 4)\n"
	"      --byte-order ORDER    of the length field: big or little (default big)\n"
	"      --max-size SIZE       largest reply, and longest line of input (default 16M)\n"
	"      --connect-timeout D   time to connect (default 10s)\n"
	"      --timeout D           time without progress (default 10s)\n"
	"  -h, --help                print this and exit\n"
	"  -V, --version             print the version and exit\n"
	"\n"
	"SIZE is a number of bytes, or one with K, M or G. D is a number with ms, s, m or h.\n"
	"Exit status: 0 all replies came, 1 server closed first, 64 usage, 69 cannot connect,\n"
	"74 local input or output, 75 timeout, 76 reply is no frame.\n";

struct unit {
	const char *suffix;
	int64_t factor;
};

static const struct unit sizes[] = {
	{ "", 1 },
	{ "K", 1 << 10 },
	{ "M", 1 << 20 },
	{ "G", 1 << 30 },
	{ 0 },
};

static const struct unit durations[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ 0 },
};

static const struct unit plain[] = { { "", 1 }, { 0 } };

PF_NORETURN PF_PRINTF(1, 2) static void usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vwarnx(format, args);
	va_end(args);
	fputs("Try 'preforkcat --help'.\n", stderr);
	exit(EX_USAGE);
}

/* The number at the start of TEXT times what its unit says, or -1: 1 to MAX of that unit. */
static int64_t
parse_units(const char *text, const struct unit *units, int64_t max)
{
	size_t digits = strspn(text, "0123456789");
	char number[20];
	const char *bad;
	int64_t value;

	while (units->suffix != NULL && strcmp(units->suffix, text + digits) != 0)
		units++;
	if (units->suffix == NULL || digits >= sizeof(number))
		return -1;
	memcpy(number, text, digits);
	number[digits] = '\0';
	value = strtonum(number, 1, max, &bad);
	return bad == NULL ? value * units->factor : -1;
}

static int64_t
parse_size(const char *text)
{
	int64_t size = parse_units(text, sizes, 1 << 30);

	if (size < 0)
		usage_error("--max-size \"%s\": expected a size such as 64K or 16M", text);
	return size;
}

static int64_t
parse_duration(const char *option, const char *text)
{
	int64_t duration = parse_units(text, durations, 1000 * 1000);

	if (duration < 0)
		usage_error(
			"--%s \"%s\": expected a duration such as 500ms, 10s or 5m", option, text);
	return duration;
}

static int64_t
parse_count(const char *text)
{
	/* So large that nobody reaches it, so small that times the messages it fits 64 bits. */
	const int64_t max = 1000LL * 1000 * 1000 * 1000;
	int64_t count = parse_units(text, plain, max);

	if (count < 0)
		usage_error("--count \"%s\": expected a number from 1", text);
	return count;
}

static unsigned
parse_length_bytes(const char *text)
{
	if (strlen(text) != 1 || strchr("1248", text[0]) == NULL)
		usage_error("--length-bytes \"%s\": expected 1, 2, 4 or 8", text);
	return (unsigned)(text[0] - '0');
}

static enum wire_order
parse_order(const char *text)
{
	if (strcmp(text, "big") == 0)
		return WIRE_BIG_ENDIAN;
	if (strcmp(text, "little") == 0)
		return WIRE_LITTLE_ENDIAN;
	usage_error("--byte-order \"%s\": expected big or little", text);
}

PF_NORETURN static void
print_and_exit(const char *text)
{
	if (fputs(text, stdout) == EOF || fflush(stdout) != 0)
		err(EX_IOERR, "cannot write standard output");
	exit(EXIT_SUCCESS);
}

/* The options whose value has to be read. */
static void
parse_valued(struct options *options, int option, const char *value)
{
	switch (option) {
	case OPTION_BYTE_ORDER:
		options->wire.order = parse_order(value);
		break;
	case OPTION_CONNECT_TIMEOUT:
		options->connect_timeout_ms = parse_duration("connect-timeout", value);
		break;
	case OPTION_COUNT:
		options->count = parse_count(value);
		break;
	case OPTION_LENGTH_BYTES:
		options->wire.length_bytes = parse_length_bytes(value);
		break;
	case OPTION_MAX_SIZE:
		options->wire.max_message = (size_t)parse_size(value);
		break;
	case OPTION_TIMEOUT:
		options->timeout_ms = parse_duration("timeout", value);
		break;
	default: /* getopt has said what is wrong */
		fputs("Try 'preforkcat --help'.\n", stderr);
		exit(EX_USAGE);
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
		print_and_exit(help);
	case 'q':
		options->quiet = true;
		break;
	case 'v':
		options->verbose = true;
		break;
	case 'V':
		print_and_exit("preforkcat " PACKAGE_VERSION "\n");
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
		.wire = { .codec = &wire_length, .max_message = 16 << 20, .length_bytes = 4 },
		.format = OUTPUT_TEXT,
		.count = 1,
		.connect_timeout_ms = 10 * 1000,
		.timeout_ms = 10 * 1000,
	};
	options->files = calloc((size_t)argc, sizeof(options->files[0]));
	if (options->files == NULL)
		err(EX_IOERR, "cannot start");
	while ((option = getopt_long(argc, argv, "f:hqvV", long_options, NULL)) != -1)
		parse_option(options, option, optarg);
	if (optind == argc)
		usage_error("an ADDRESS is missing");
	options->address = argv[optind];
	if (address_check(options->address, &error) != 0)
		usage_error("%s", error.text);
	options->messages = argv + optind + 1;
	options->message_count = (size_t)(argc - optind - 1);
}

void
options_free(struct options *options)
{
	free(options->files);
	options->files = NULL;
}
