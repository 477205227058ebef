#include <config.h>

#include "net/buffer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What is used up at the front goes first; the memory at least doubles if that is not enough. */
int
buffer_reserve(struct buffer *buffer, size_t size)
{
	uint64_t room = (uint64_t)buffer->start + buffer->size + size;
	char *data;

	if (buffer_tail_room(buffer) >= size)
		return 0;
	if (buffer->start >= buffer->size && buffer->room - buffer->size >= size) {
		memcpy(buffer->data, buffer->data + buffer->start, buffer->size);
		buffer->start = 0;
		return 0;
	}
	if (room < (uint64_t)buffer->room * 2)
		room = (uint64_t)buffer->room * 2;
	if (room > UINT32_MAX) {
		errno = ENOMEM;
		return -1;
	}
	data = realloc(buffer->data, room);
	if (data == NULL)
		return -1;
	buffer->data = data;
	buffer->room = (uint32_t)room;
	return 0;
}

int
buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	if (size == 0)
		return 0;
	if (buffer_reserve(buffer, size) != 0)
		return -1;
	memcpy(buffer_tail(buffer), data, size);
	buffer->size += (uint32_t)size;
	return 0;
}

void
buffer_drop(struct buffer *buffer, size_t size)
{
	buffer->start += (uint32_t)size;
	buffer->size -= (uint32_t)size;
	if (buffer->size > 0)
		return;
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}
