#include <config.h>

#include "tools/cat/sender.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BEGIN_MAX = WIRE_OFFSET_MAX + WIRE_FIELD_MAX, /* bytes up to the end of a frame's length */
};

static size_t
room(const struct sender *sender)
{
	return sizeof(sender->buffer) - sender->end;
}

/* Copies what fits of the first SIZE bytes of REST into the buffer, and takes it from there. */
static void
copy(struct sender *sender, struct span *rest, size_t size)
{
	if (size > room(sender))
		size = room(sender);
	if (size == 0)
		return;
	memcpy(sender->buffer + sender->end, rest->data, size);
	sender->end += size;
	*rest = span_after(*rest, size);
}

static void
copy_message(struct sender *sender)
{
	copy(sender, &sender->message, sender->message.size);
	if (sender->message.size == 0)
		copy(sender, &sender->suffix, sender->suffix.size);
}

/* There is room for BEGIN_MAX bytes, and the source has made sure that the message fits. */
static void
begin_message(struct sender *sender)
{
	struct wire_envelope envelope = { 0 };
	struct span prefix;

	if (wire_encode(sender->wire, sender->message.size, sender->end_of_line, &envelope) != 0)
		abort();
	prefix = (struct span){ envelope.prefix, envelope.prefix_size };
	sender->suffix = envelope.suffix;
	copy(sender, &sender->message, envelope.head);
	copy(sender, &prefix, prefix.size);
	copy_message(sender);
}

int
sender_fill(struct sender *sender, struct error *error)
{
	enum source_status status = SOURCE_MESSAGE;

	if (sender->ended || sender->failed != 0)
		return 0;
	if (!sender_pending(sender))
		sender->start = sender->end = 0;
	copy_message(sender);
	while (status == SOURCE_MESSAGE && room(sender) > BEGIN_MAX) {
		status = source_next(sender->source, &sender->message, error);
		if (status == SOURCE_MESSAGE)
			begin_message(sender);
	}
	sender->wants_input = status == SOURCE_WAIT;
	sender->ended = status == SOURCE_END && !sender_pending(sender);
	return status == SOURCE_FAILED ? -1 : 0;
}

size_t
sender_send(struct sender *sender, int fd)
{
	const char *from = sender->buffer + sender->start;
	ssize_t sent = send(fd, from, sender->end - sender->start, MSG_NOSIGNAL);

	if (sent < 0) {
		if (errno != EAGAIN && errno != EINTR)
			sender->failed = errno;
		return 0;
	}
	sender->start += (size_t)sent;
	return (size_t)sent;
}
