#include <config.h>

#include "tools/cat/receiver.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	FIRST_ROOM = 64 * 1024,
};

int
receiver_open(struct receiver *receiver, const struct wire *wire, struct error *error)
{
	*receiver = (struct receiver){ .wire = wire, .room = FIRST_ROOM };
	receiver->data = malloc(FIRST_ROOM);
	if (receiver->data == NULL)
		return error_errno(error, "cannot hold replies");
	return 0;
}

void
receiver_close(struct receiver *receiver)
{
	free(receiver->data);
	*receiver = (struct receiver){ 0 };
}

ssize_t
receiver_receive(struct receiver *receiver, int fd)
{
	ssize_t got = recv(fd, receiver->data + receiver->end, receiver->room - receiver->end, 0);

	if (got > 0)
		receiver->end += (size_t)got;
	return got;
}

void
receiver_discard(struct receiver *receiver)
{
	receiver->start = receiver->end = receiver->searched = 0;
}

static struct span
pending(const struct receiver *receiver)
{
	return (struct span){ receiver->data + receiver->start, receiver_pending(receiver) };
}

enum wire_status
receiver_next(struct receiver *receiver, struct wire_frame *frame)
{
	enum wire_status status =
		wire_decode(receiver->wire, pending(receiver), receiver->searched, frame);

	if (status == WIRE_FRAME)
		receiver->start += frame->size;
	receiver->searched = status == WIRE_MORE ? frame->searched : 0;
	return status;
}

enum wire_status
receiver_finish(struct receiver *receiver, struct wire_frame *frame)
{
	enum wire_status status = wire_finish(receiver->wire, pending(receiver), frame);

	if (status == WIRE_FRAME)
		receiver->start += frame->size;
	return status;
}

int
receiver_make_room(struct receiver *receiver, size_t size, struct error *error)
{
	size_t larger = receiver->room * 2 < size ? receiver->room * 2 : size;
	char *grown;

	if (receiver->start > 0) {
		receiver->end -= receiver->start;
		memmove(receiver->data, receiver->data + receiver->start, receiver->end);
		receiver->start = 0;
	}
	if (receiver->end < receiver->room)
		return 0;
	grown = realloc(receiver->data, larger);
	if (grown == NULL)
		return error_errno(error, "cannot hold a reply of %zu bytes", size);
	receiver->data = grown;
	receiver->room = larger;
	return 0;
}
