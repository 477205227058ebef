/* Bytes that wait in a connection: memory that exists only while there are some. */
#ifndef NET_BUFFER_H
#define NET_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

struct buffer {
	char *data;
	uint32_t start; /* bytes at the front that are used up */
	uint32_t size;  /* bytes that wait, behind them */
	uint32_t room;  /* of data */
};

/* Sees to it that SIZE more bytes can be put behind what waits. Returns 0, or -1 with errno. */
PF_MUST_CHECK int buffer_reserve(struct buffer *buffer, size_t size);

/* Copies the bytes behind what waits. Returns 0, or -1 with errno and nothing changed. */
PF_MUST_CHECK int buffer_append(struct buffer *buffer, const void *data, size_t size);

/* Takes SIZE bytes from the front; with the last of them the memory goes too. */
void buffer_drop(struct buffer *buffer, size_t size);

/* What waits; there is some: an empty buffer has no memory to point to. */
static inline struct span
buffer_span(const struct buffer *buffer)
{
	return (struct span){ buffer->data + buffer->start, buffer->size };
}

/* Where more bytes can be written, and how many. */
static inline char *
buffer_tail(const struct buffer *buffer)
{
	return buffer->data + buffer->start + buffer->size;
}

static inline size_t
buffer_tail_room(const struct buffer *buffer)
{
	return buffer->room - buffer->start - buffer->size;
}

#endif
