#include <config.h>

#include "wire/wire.h"

#include <assert.h>

static const char *const error_texts[] = {
	[WIRE_ERROR_EMPTY] = "empty frame",
	[WIRE_ERROR_TOO_LONG] = "frame longer than max_message_size",
};
static_assert(countof(error_texts) == WIRE_ERROR__COUNT, "a text for each error");

const char *
wire_error_text(enum wire_error error)
{
	return error_texts[error];
}
