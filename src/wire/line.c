/* Lines, each ended by a line feed or by a carriage return and one. */
#include <config.h>

#include "wire/codec.h"

#include <string.h>

enum {
	END_MAX = 2, /* bytes that end a line */
};

/* The line of BODY bytes, and the END bytes behind it, at the start of INPUT. */
static enum wire_status
frame_of(const struct wire *wire, struct span input, size_t body, size_t end,
	struct wire_frame *frame)
{
	if (unlikely(body > wire->max_message))
		return codec_refuse(frame, WIRE_ERROR_TOO_LONG, wire->max_message + 1);
	if (unlikely(body == 0 && !wire->allow_empty))
		return codec_refuse(frame, WIRE_ERROR_EMPTY, 0);
	frame->size = body + end;
	frame->head = (struct span){ 0 };
	frame->body = (struct span){ input.data, body };
	return WIRE_FRAME;
}

/* A line without end as far as it goes: a carriage return may be the begin of one. */
static enum wire_status
want(const struct wire *wire, struct span input, size_t longest, struct wire_frame *frame)
{
	bool may_end = input.size > 0 && input.data[input.size - 1] == '\r';

	if (input.size > wire->max_message + may_end)
		return codec_refuse(frame, WIRE_ERROR_TOO_LONG, wire->max_message + 1);
	return codec_want(frame, longest, input.size);
}

static enum wire_status
line_decode(const struct wire *wire, struct span input, size_t searched, struct wire_frame *frame)
{
	size_t longest = wire->max_message + END_MAX, size;
	size_t end = input.size < longest ? input.size : longest;
	const char *found = NULL;

	if (searched < end)
		found = memchr(input.data + searched, '\n', end - searched);
	if (found == NULL)
		return want(wire, input, longest, frame);
	size = (size_t)(found - input.data);
	frame->end = size > 0 && found[-1] == '\r' ? WIRE_CRLF : WIRE_LF;
	if (frame->end == WIRE_CRLF)
		return frame_of(wire, input, size - 1, END_MAX, frame);
	return frame_of(wire, input, size, 1, frame);
}

static enum wire_status
line_finish(const struct wire *wire, struct span input, struct wire_frame *frame)
{
	return frame_of(wire, input, input.size, 0, frame);
}

static int
line_encode(const struct wire *wire PF_UNUSED, size_t size PF_UNUSED, enum wire_end end,
	struct wire_envelope *envelope)
{
	envelope->head = 0;
	envelope->prefix_size = 0;
	envelope->suffix = end == WIRE_CRLF ? (struct span){ "\r\n", 2 } : (struct span){ "\n", 1 };
	return 0;
}

const struct wire_codec wire_line = {
	.decode = line_decode,
	.finish = line_finish,
	.encode = line_encode,
};
