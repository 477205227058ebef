#include <config.h>

#include "tools/cat/output.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	HEX_COLUMNS = 16,
	HEX_LINE = 96, /* more than a line of the dump takes */
};

/* Waits if standard output is non-blocking, which whoever shares it may have made it. */
static int
write_all(const char *data, size_t size, struct error *error)
{
	struct pollfd ready = { .fd = STDOUT_FILENO, .events = POLLOUT };

	while (size > 0) {
		ssize_t written = write(STDOUT_FILENO, data, size);

		if (written >= 0) {
			data += written;
			size -= (size_t)written;
		} else if (errno == EAGAIN) {
			poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			return error_errno(error, "cannot write standard output");
		}
	}
	return 0;
}

int
output_flush(struct output *output, struct error *error)
{
	size_t used = output->used;

	output->used = 0;
	return write_all(output->buffer, used, error);
}

static int
add(struct output *output, const char *data, size_t size, struct error *error)
{
	if (size > sizeof(output->buffer) - output->used && output_flush(output, error) != 0)
		return -1;
	if (size > sizeof(output->buffer))
		return write_all(data, size, error);
	if (size > 0)
		memcpy(output->buffer + output->used, data, size);
	output->used += size;
	return 0;
}

static char
printable(char byte)
{
	return byte >= ' ' && byte <= '~' ? byte : '.';
}

/* A line as hexdump -C has it: up to 16 bytes. Returns its size. */
static size_t
format_hex(char line[static HEX_LINE], size_t offset, struct span bytes)
{
	size_t at = (size_t)snprintf(line, HEX_LINE, "%08zx ", offset);

	for (size_t i = 0; i < HEX_COLUMNS; i++) {
		const char *gap = i % 8 == 0 ? " " : "";

		if (i < bytes.size)
			at += (size_t)snprintf(line + at, HEX_LINE - at, "%s%02x ", gap,
				(unsigned char)bytes.data[i]);
		else
			at += (size_t)snprintf(line + at, HEX_LINE - at, "%s   ", gap);
	}
	at += (size_t)snprintf(line + at, HEX_LINE - at, " |");
	for (size_t i = 0; i < bytes.size; i++)
		line[at++] = printable(bytes.data[i]);
	line[at++] = '|';
	line[at++] = '\n';
	return at;
}

static int
add_hex(struct output *output, struct span payload, struct error *error)
{
	char line[HEX_LINE];

	for (size_t offset = 0; offset < payload.size; offset += HEX_COLUMNS) {
		struct span bytes = span_after(payload, offset);

		if (bytes.size > HEX_COLUMNS)
			bytes.size = HEX_COLUMNS;
		if (add(output, line, format_hex(line, offset, bytes), error) != 0)
			return -1;
	}
	return 0;
}

int
output_reply(struct output *output, struct span payload, struct error *error)
{
	switch (output->format) {
	case OUTPUT_TEXT:
		if (add(output, payload.data, payload.size, error) != 0)
			return -1;
		return add(output, "\n", 1, error);
	case OUTPUT_HEX:
		return add_hex(output, payload, error);
	case OUTPUT_RAW:
		return add(output, payload.data, payload.size, error);
	case OUTPUT_NONE:
		break;
	}
	return 0;
}
