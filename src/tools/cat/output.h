/* Prints replies on standard output, whatever kind of file that is, blocking or not. */
#ifndef CAT_OUTPUT_H
#define CAT_OUTPUT_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/span.h"

enum {
	OUTPUT_BUFFER = 64 * 1024,
};

enum output_format {
	OUTPUT_TEXT, /* the payload and a newline */
	OUTPUT_HEX,  /* lines of an offset, hexadecimal and ASCII */
	OUTPUT_RAW,  /* the payload */
	OUTPUT_NONE,
};

struct output {
	enum output_format format;
	size_t used;
	char buffer[OUTPUT_BUFFER];
};

/* Adds a reply. Returns 0, or -1 with the reason for which it cannot be written. */
PF_MUST_CHECK int output_reply(struct output *output, struct span payload, struct error *error);

/* Writes what is buffered; waits as long as the reader of standard output takes. */
PF_MUST_CHECK int output_flush(struct output *output, struct error *error);

#endif
