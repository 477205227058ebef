#include <config.h>

#include "tools/cat/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"

enum {
	READ_SIZE = 64 * 1024,
};

/* Makes room for at least READ_SIZE bytes behind the SIZE that are there. */
static int
grow(char **buffer, size_t *room, size_t size, struct error *error)
{
	size_t larger = *room > READ_SIZE ? *room * 2 : READ_SIZE * 2;
	char *grown;

	if (*room - size >= READ_SIZE)
		return 0;
	grown = realloc(*buffer, larger);
	if (grown == NULL)
		return error_errno(error, "cannot hold %zu bytes", larger);
	*buffer = grown;
	*room = larger;
	return 0;
}

/* Returns what read(2) does, with -1 for errors alone: the caller waits for a readable FD. */
static ssize_t
read_some(int fd, char *at, size_t room, bool *again)
{
	ssize_t got = read(fd, at, room);

	*again = got < 0 && (errno == EINTR || errno == EAGAIN);
	return got;
}

/* On success CONTENT is the caller's to free. */
static int
read_descriptor(int fd, const char *path, struct span *content, struct error *error)
{
	char *data = NULL;
	size_t room = 0, size = 0;
	ssize_t got = 1;
	bool again;

	while (got != 0) {
		if (grow(&data, &room, size, error) != 0)
			break;
		got = read_some(fd, data + size, room - size, &again);
		if (got > 0)
			size += (size_t)got;
		if (got >= 0 || again)
			continue;
		error_errno(error, "cannot read \"%s\"", path);
		break;
	}
	if (got != 0) {
		free(data);
		return -1;
	}
	*content = (struct span){ data, size };
	return 0;
}

static int
read_file(const char *path, struct span *content, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int result;

	if (fd < 0)
		return error_errno(error, "cannot open \"%s\"", path);
	result = read_descriptor(fd, path, content, error);
	fd_close(&fd);
	return result;
}

static const char *
plural(size_t count)
{
	return count == 1 ? "" : "s";
}

/* Why no frame can be made of SIZE bytes. */
static int
no_frame(const struct wire *wire, size_t size, const char *what, struct error *error)
{
	size_t offset = wire->length_offset;

	if (size < offset)
		return error_set(error, "%s has %zu byte%s, too few for --length-offset %zu", what,
			size, plural(size), offset);
	if (wire->length_adjust > 0 && size - offset < (size_t)wire->length_adjust)
		return error_set(error, "%s has %zu byte%s, too few for --length-adjust %jd", what,
			size, plural(size), (intmax_t)wire->length_adjust);
	return error_set(error, "%s has %zu bytes, too many for a length of %u byte%s", what, size,
		wire->length_bytes, plural(wire->length_bytes));
}

static int
check_message(const struct wire *wire, struct span message, const char *what, struct error *error)
{
	bool is_line = wire->codec == wire_codec_of(WIRE_LINE);
	struct wire_envelope envelope;

	if (wire_encode(wire, message.size, WIRE_LF, &envelope) != 0)
		return no_frame(wire, message.size, what, error);
	if (is_line && message.size > 0 && memchr(message.data, '\n', message.size) != NULL)
		return error_set(error, "%s holds a newline, which would end its line", what);
	return 0;
}

static int
add_files(struct source *source, const struct options *options, struct error *error)
{
	for (size_t i = 0; i < options->file_count; i++) {
		struct span *content = &source->list[source->list_size];

		if (read_file(options->files[i], content, error) != 0)
			return EX_IOERR;
		source->list_size++;
		source->file_count++;
		if (check_message(&options->framing.wire, *content, options->files[i], error) != 0)
			return EX_USAGE;
	}
	return 0;
}

static int
add_messages(struct source *source, const struct options *options, struct error *error)
{
	for (size_t i = 0; i < options->message_count; i++) {
		const char *text = options->messages[i];
		struct span message = { text, strlen(text) };

		source->list[source->list_size++] = message;
		if (check_message(&options->framing.wire, message, "a message", error) != 0)
			return EX_USAGE;
	}
	return 0;
}

int
source_open(struct source *source, const struct options *options, struct error *error)
{
	size_t messages = options->file_count + options->message_count;
	int status;

	*source = (struct source){
		.wire = &options->framing.wire,
		.lines = messages == 0,
		.count = options->count,
	};
	if (source->lines)
		return 0;
	source->list = calloc(messages, sizeof(source->list[0]));
	if (source->list == NULL) {
		error_errno(error, "cannot hold the messages");
		return EX_IOERR;
	}
	status = add_files(source, options, error);
	return status == 0 ? add_messages(source, options, error) : status;
}

void
source_close(struct source *source)
{
	for (size_t i = 0; i < source->file_count; i++)
		free((char *)source->list[i].data);
	free(source->list);
	free(source->buffer);
	*source = (struct source){ 0 };
}

static enum source_status
next_of_list(struct source *source, struct span *message)
{
	if (source->taken == source_total(source))
		return SOURCE_END;
	*message = source->list[(size_t)source->taken % source->list_size];
	source->taken++;
	return SOURCE_MESSAGE;
}

/* Looks for the end of the line at START. At the end of input, what is left is a line. */
static bool
find_line(struct source *source)
{
	const char *newline = NULL;

	if (source->scanned < source->size)
		newline = memchr(
			source->buffer + source->scanned, '\n', source->size - source->scanned);
	source->scanned = newline != NULL ? (size_t)(newline - source->buffer) : source->size;
	if (newline == NULL && (!source->ended || source->start == source->size))
		return false;
	source->line_size = source->scanned - source->start;
	source->line_left = source->count;
	return true;
}

/* Steps behind the line at START, over its newline if it has one. */
static void
drop_line(struct source *source)
{
	source->start = source->scanned < source->size ? source->scanned + 1 : source->size;
	source->scanned = source->start;
	source->line_size = 0;
}

static int
check_line_size(const struct source *source, size_t size, struct error *error)
{
	if (size <= source->wire->max_message)
		return 0;
	return error_set(error, "a line of standard input is longer than %zu bytes",
		source->wire->max_message);
}

static enum source_status
next_of_lines(struct source *source, struct span *message, struct error *error)
{
	if (source->line_left == 0 && !find_line(source))
		return source->ended ? SOURCE_END : SOURCE_WAIT;
	*message = (struct span){ source->buffer + source->start, source->line_size };
	if (check_line_size(source, message->size, error) != 0 ||
		check_message(source->wire, *message, "a line of standard input", error) != 0)
		return SOURCE_FAILED;
	source->taken++;
	if (--source->line_left == 0)
		drop_line(source);
	return SOURCE_MESSAGE;
}

enum source_status
source_next(struct source *source, struct span *message, struct error *error)
{
	if (source->lines)
		return next_of_lines(source, message, error);
	return next_of_list(source, message);
}

/* Moves what has not been taken to the front. */
static void
compact(struct source *source)
{
	if (source->start == 0)
		return;
	source->size -= source->start;
	source->scanned -= source->start;
	memmove(source->buffer, source->buffer + source->start, source->size);
	source->start = 0;
}

int
source_read(struct source *source, struct error *error)
{
	ssize_t got;
	bool again;

	compact(source);
	if (check_line_size(source, source->size, error) != 0)
		return -1;
	if (grow(&source->buffer, &source->room, source->size, error) != 0)
		return -1;
	got = read_some(
		STDIN_FILENO, source->buffer + source->size, source->room - source->size, &again);
	if (got > 0)
		source->size += (size_t)got;
	if (got == 0)
		source->ended = true;
	if (got < 0 && !again)
		return error_errno(error, "cannot read standard input");
	return 0;
}

int64_t
source_total(const struct source *source)
{
	return source->lines ? source->taken : source->count * (int64_t)source->list_size;
}
