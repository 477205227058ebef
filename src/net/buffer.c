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
	size_t room;
	char *data;

	if (buffer_tail_room(buffer) >= size)
		return 0;
	if (buffer->start > 0 && buffer->room - buffer->size >= size &&
		buffer->start >= buffer->size) {
		memcpy(buffer->data, buffer->data + buffer->start, buffer->size);
		buffer->start = 0;
		return 0;
	}
	if (size > SIZE_MAX / 4 - buffer->room) {
		errno = ENOMEM;
		return -1;
	}
	room = buffer->start + buffer->size + size;
	if (room < buffer->room * 2)
		room = buffer->room * 2;
	data = realloc(buffer->data, room);
	if (data == NULL)
		return -1;
	buffer->data = data;
	buffer->room = room;
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
	buffer->size += size;
	return 0;
}

void
buffer_drop(struct buffer *buffer, size_t size)
{
	buffer->start += size;
	buffer->size -= size;
	if (buffer->size > 0)
		return;
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}
