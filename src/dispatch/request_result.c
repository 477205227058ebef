#include <config.h>

#include "dispatch/request_result.h"

#include <assert.h>

#include "base/compiler.h"

static const char *const result_texts[] = {
	[REQUEST_OK] = "ok",
	[REQUEST_NONE] = "none",
	[REQUEST_BUSY] = "busy",
	[REQUEST_TIMEOUT] = "timeout",
	[REQUEST_TOO_BIG] = "too_big",
	[REQUEST_CLOSED] = "closed",
};
static_assert(countof(result_texts) == REQUEST_RESULT__COUNT, "a word for each");

const char *
request_result_text(enum request_result result)
{
	return result_texts[result];
}
