#include <config.h>

#include "wire/wire.h"

#include <assert.h>
#include <string.h>

#include "wire/codec.h"

#define TABLE_ROW(framing, name, codec) [framing] = { name, &(codec) },
static const struct {
	const char *name;
	const struct wire_codec *codec;
} framings[] = { WIRE_FRAMINGS(TABLE_ROW) };
static_assert(countof(framings) == WIRE_FRAMING__COUNT, "a codec for each framing");

static const char *const error_texts[] = {
	[WIRE_ERROR_EMPTY] = "empty frame",
	[WIRE_ERROR_TOO_LONG] = "frame longer than max_message_size",
	[WIRE_ERROR_TOO_SHORT] = "length less than length_adjust takes off",
	[WIRE_ERROR_OVERLONG] = "over-long varint",
	[WIRE_ERROR_TOO_WIDE] = "varint of more than 64 bits",
};
static_assert(countof(error_texts) == WIRE_ERROR__COUNT, "a text for each error");

const char *
wire_error_text(enum wire_error error)
{
	return error_texts[error];
}

const struct wire_codec *
wire_codec_of(enum wire_framing framing)
{
	return framings[framing].codec;
}

const struct wire_codec *
wire_codec_find(const char *name)
{
	for (size_t i = 0; i < countof(framings); i++) {
		if (strcmp(framings[i].name, name) == 0)
			return framings[i].codec;
	}
	return NULL;
}

enum wire_status
wire_finish(const struct wire *wire, struct span input, struct wire_frame *frame)
{
	if (wire->codec->finish == NULL)
		return WIRE_MORE;
	return wire->codec->finish(wire, input, frame);
}

struct span
wire_join(const struct wire_frame *frame)
{
	struct span head = frame->head;
	char *at = (char *)(uintptr_t)(frame->body.data - head.size);

	memmove(at, head.data, head.size);
	return (struct span){ at, head.size + frame->body.size };
}
