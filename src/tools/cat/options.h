/* The command line of preforkcat. */
#ifndef CAT_OPTIONS_H
#define CAT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/cat/output.h"
#include "tools/lib/framing.h"

/* All strings are borrowed from the arguments of main. */
struct options {
	const char *address;
	char *const *messages; /* message_count arguments, each a frame */
	size_t message_count;
	const char **files; /* file_count paths, each a frame; the list is owned */
	size_t file_count;
	struct framing framing; /* max_message bounds replies and lines of standard input */
	enum output_format format;
	int64_t count; /* times that each message is sent */
	int64_t connect_timeout_ms;
	int64_t timeout_ms; /* without progress */
	bool no_reply;
	bool half_close;
	bool quiet;
	bool verbose;
};

/* Reads the arguments. Ends the process after --help, --version and mistakes (EX_USAGE). */
void options_parse(struct options *options, int argc, char **argv);

void options_free(struct options *options);

#endif
