/* The options that say how messages are framed: the same in every tool. */
#ifndef LIB_FRAMING_H
#define LIB_FRAMING_H

#include <stdbool.h>

#include "wire/wire.h"

/* What getopt_long(3) returns for them: none of a tool's own options. */
enum framing_option {
	FRAMING_ALLOW_EMPTY = 512,
	FRAMING_BYTE_ORDER,
	FRAMING_CRLF,
	FRAMING_FRAMING,
	FRAMING_LENGTH_ADJUST,
	FRAMING_LENGTH_BYTES,
	FRAMING_LENGTH_OFFSET,
	FRAMING_MAX_SIZE,
};

/* Rows for a tool's table of long options. */
#define FRAMING_LONG_OPTIONS                                                         \
	{ "allow-empty", no_argument, NULL, FRAMING_ALLOW_EMPTY },                   \
		{ "byte-order", required_argument, NULL, FRAMING_BYTE_ORDER },       \
		{ "crlf", no_argument, NULL, FRAMING_CRLF },                         \
		{ "framing", required_argument, NULL, FRAMING_FRAMING },             \
		{ "length-adjust", required_argument, NULL, FRAMING_LENGTH_ADJUST }, \
		{ "length-bytes", required_argument, NULL, FRAMING_LENGTH_BYTES },   \
		{ "length-offset", required_argument, NULL, FRAMING_LENGTH_OFFSET }, \
	{                                                                            \
		"max-size", required_argument, NULL, FRAMING_MAX_SIZE                \
	}

/* Lines for its help; --framing and --max-size are described by the tool. */
#define FRAMING_HELP                                                                             \
	"      --length-bytes N      size of the length: 1, 2, 4, 8 or varint (default 4)\n"     \
	"      --byte-order ORDER    of the length: big or little (default big)\n"               \
	"      --length-offset N     bytes of a message that go before its length (default 0)\n" \
	"      --length-adjust N     what is added to the length (default 0)\n"                  \
	"      --crlf                end lines with CR LF instead of LF\n"                       \
	"      --allow-empty         accept empty replies\n"

struct framing {
	struct wire wire;
	enum wire_end end_of_line; /* of what is sent */
};

/* What holds without options: a length of 4 bytes, messages up to 16 MiB. */
void framing_init(struct framing *framing);

/*
 * Takes OPTION if it is one of these; a mistake in VALUE ends the process, arguments_refuse.
 * Returns whether it was.
 */
bool framing_parse(struct framing *framing, int option, const char *value);

/* Ends the process if there is an option that the framing makes no use of. */
void framing_check(const struct framing *framing);

/* Its name, as in --framing. */
const char *framing_name(const struct framing *framing);

#endif
