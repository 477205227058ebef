#include <config.h>

#include "tools/cat/sender.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static size_t
room(const struct sender *sender)
{
	return sizeof(sender->buffer) - sender->end;
}

/* Copies what fits of the current message into the buffer. */
static void
copy_message(struct sender *sender)
{
	size_t size = sender->message.size;

	if (size > room(sender))
		size = room(sender);
	if (size == 0)
		return;
	memcpy(sender->buffer + sender->end, sender->message.data, size);
	sender->end += size;
	sender->message = span_after(sender->message, size);
}

static void
begin_message(struct sender *sender)
{
	char *at = sender->buffer + sender->end;

	/* The source has made sure that the length fits. */
	sender->end += (size_t)wire_prefix(sender->wire, sender->message.size, at);
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
	while (status == SOURCE_MESSAGE && room(sender) > WIRE_PREFIX_MAX) {
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
