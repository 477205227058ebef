/* What the codecs share, and nobody else sees. */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include "wire/wire.h"

#define WIRE_DECLARE_ROW(framing, name, codec) extern const struct wire_codec codec;
WIRE_FRAMINGS(WIRE_DECLARE_ROW)

static inline enum wire_status
codec_refuse(struct wire_frame *frame, enum wire_error error, uint64_t announced)
{
	frame->error = error;
	frame->announced = announced;
	return WIRE_ERROR;
}

/* Wants input up to SIZE bytes, and no second look at the first SEARCHED. */
static inline enum wire_status
codec_want(struct wire_frame *frame, size_t size, size_t searched)
{
	frame->size = size;
	frame->searched = searched;
	return WIRE_MORE;
}

#endif
