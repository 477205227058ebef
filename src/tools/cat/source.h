/*
 * Where messages come from: the arguments and files of the command line, which stand in memory,
 * or the lines of standard input, which come when they come.
 */
#ifndef CAT_SOURCE_H
#define CAT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/span.h"
#include "tools/cat/options.h"

enum source_status {
	SOURCE_MESSAGE,
	SOURCE_WAIT, /* for source_read, once standard input is readable */
	SOURCE_END,
	SOURCE_FAILED, /* no frame can be made of the next line */
};

struct source {
	const struct wire *wire; /* borrowed */
	bool lines;              /* from standard input */
	bool ended;              /* standard input has */
	int64_t count;           /* times that each message is sent */
	int64_t taken;           /* messages handed out */

	/* Arguments and files: the whole list, count times over. */
	struct span *list; /* list_size messages; those of the first file_count are owned */
	size_t list_size;
	size_t file_count;

	/* Standard input: each line, count times. */
	char *buffer;
	size_t room;    /* bytes that buffer can hold */
	size_t size;    /* bytes that it holds */
	size_t start;   /* of the line that is next */
	size_t scanned; /* up to here there is no end of that line */
	size_t line_size;
	int64_t line_left; /* times that the line at start is still to be sent, once found */
};

/*
 * Reads the files and checks that the framing can carry each message.
 * Returns 0, or the exit status with the reason; then too, source_close frees.
 */
PF_MUST_CHECK int source_open(
	struct source *source, const struct options *options, struct error *error);

void source_close(struct source *source);

/* Takes the next message; it is borrowed until the next call of source_next or source_read. */
PF_MUST_CHECK enum source_status source_next(
	struct source *source, struct span *message, struct error *error);

/* Reads standard input once, after SOURCE_WAIT. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int source_read(struct source *source, struct error *error);

/* Messages there are in all; of standard input, those that are known so far. */
int64_t source_total(const struct source *source);

#endif
