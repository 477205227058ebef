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
	OPTION_ALLOW_EMPTY = 256,
	OPTION_BYTE_ORDER,
	OPTION_CONNECT_TIMEOUT,
	OPTION_COUNT,
	OPTION_CRLF,
	OPTION_FRAMING,
	OPTION_HALF_CLOSE,
	OPTION_HEX,
	OPTION_LENGTH_ADJUST,
	OPTION_LENGTH_BYTES,
	OPTION_LENGTH_OFFSET,
	OPTION_MAX_SIZE,
	OPTION_NO_REPLY,
	OPTION_RAW,
	OPTION_TIMEOUT,
};

enum {
	LENGTH_BYTES_DEFAULT = 4,
	LENGTH_ADJUST_MAX = 1 << 30, /* as of preforkd.conf(5) */
};

static const struct option long_options[] = {
	{ "allow-empty", no_argument, NULL, OPTION_ALLOW_EMPTY },
	{ "byte-order", required_argument, NULL, OPTION_BYTE_ORDER },
	{ "connect-timeout", required_argument, NULL, OPTION_CONNECT_TIMEOUT },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "crlf", no_argument, NULL, OPTION_CRLF },
	{ "file", required_argument, NULL, 'f' },
	{ "framing", required_argument, NULL, OPTION_FRAMING },
	{ "half-close", no_argument, NULL, OPTION_HALF_CLOSE },
	{ "help", no_argument, NULL, 'h' },
	{ "hex", no_argument, NULL, OPTION_HEX },
	{ "length-adjust", required_argument, NULL, OPTION_LENGTH_ADJUST },
	{ "length-bytes", required_argument, NULL, OPTION_LENGTH_BYTES },
	{ "length-offset", required_argument, NULL, OPTION_LENGTH_OFFSET },
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
	"      --framing FRAMING     length or line (default length)\n"
	"      --length-bytes N      size of the length: 1, 2, 4, 8 or varint (default 4)\n"
	"      --byte-order ORDER    of the length: big or little (default big)\n"
	"      --length-offset N     bytes of a message that go before its length (default 0)\n"
	"      --length-adjust N     what is added to the length (default 0)\n"
	"      --crlf                end lines with CR LF instead of LF\n"
	"      --allow-empty         accept empty replies\n"
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

static const struct wire_codec *
parse_framing(const char *text)
{
	const struct wire_codec *codec = wire_codec_find(text);

	if (codec == NULL)
		usage_error("--framing \"%s\": expected length or line", text);
	return codec;
}

static unsigned
parse_length_bytes(const char *text)
{
	if (strcmp(text, "varint") == 0)
		return WIRE_VARINT;
	if (strlen(text) != 1 || strchr("1248", text[0]) == NULL)
		usage_error("--length-bytes \"%s\": expected 1, 2, 4, 8 or varint", text);
	return (unsigned)(text[0] - '0');
}

static int64_t
parse_number(const char *option, const char *text, int64_t min, int64_t max)
{
	const char *bad;
	int64_t number = strtonum(text, min, max, &bad);

	if (bad != NULL)
		usage_error("--%s \"%s\": expected a number from %jd to %jd", option, text,
			(intmax_t)min, (intmax_t)max);
	return number;
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

/* The options of the framing. */
static bool
parse_wire(struct wire *wire, int option, const char *value)
{
	switch (option) {
	case OPTION_ALLOW_EMPTY:
		wire->allow_empty = true;
		break;
	case OPTION_BYTE_ORDER:
		wire->order = parse_order(value);
		break;
	case OPTION_FRAMING:
		wire->codec = parse_framing(value);
		break;
	case OPTION_LENGTH_ADJUST:
		wire->length_adjust = parse_number("length-adjust", value,
			-(WIRE_OFFSET_MAX + WIRE_FIELD_MAX), LENGTH_ADJUST_MAX);
		break;
	case OPTION_LENGTH_BYTES:
		wire->length_bytes = parse_length_bytes(value);
		break;
	case OPTION_LENGTH_OFFSET:
		wire->length_offset =
			(unsigned)parse_number("length-offset", value, 0, WIRE_OFFSET_MAX);
		break;
	case OPTION_MAX_SIZE:
		wire->max_message = (size_t)parse_size(value);
		break;
	default:
		return false;
	}
	return true;
}

/* The options whose value has to be read. */
static void
parse_valued(struct options *options, int option, const char *value)
{
	if (parse_wire(&options->wire, option, value))
		return;
	switch (option) {
	case OPTION_CONNECT_TIMEOUT:
		options->connect_timeout_ms = parse_duration("connect-timeout", value);
		break;
	case OPTION_COUNT:
		options->count = parse_count(value);
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
	case OPTION_CRLF:
		options->end_of_line = WIRE_CRLF;
		break;
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

/* What the framing makes no use of is a mistake. */
static void
check_framing(const struct options *options)
{
	const struct wire *wire = &options->wire;
	bool is_line = wire->codec == wire_codec_of(WIRE_LINE);

	if (!is_line && options->end_of_line != WIRE_LF)
		usage_error("--crlf has a meaning with --framing line alone");
	if (is_line &&
		(wire->length_bytes != LENGTH_BYTES_DEFAULT || wire->length_offset != 0 ||
			wire->length_adjust != 0 || wire->order != WIRE_BIG_ENDIAN))
		usage_error("a line has no length: --length-bytes, --length-offset, "
			    "--length-adjust and --byte-order have no meaning with it");
}

void
options_parse(struct options *options, int argc, char **argv)
{
	struct error error;
	int option;

	*options = (struct options){
		.wire = {
			.codec = wire_codec_of(WIRE_LENGTH),
			.max_message = 16 << 20,
			.length_bytes = LENGTH_BYTES_DEFAULT,
		},
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
	check_framing(options);
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
