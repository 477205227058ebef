#include <config.h>

#include "net/close_reason.h"

#include <assert.h>

#include "base/compiler.h"

static const char *const reason_texts[] = {
	[CLOSE_CLIENT] = "client",
	[CLOSE_TRUNCATED] = "truncated",
	[CLOSE_RESET] = "reset",
	[CLOSE_PROTOCOL] = "protocol",
	[CLOSE_MODULE] = "module",
	[CLOSE_READ_TIMEOUT] = "read_timeout",
	[CLOSE_WRITE_TIMEOUT] = "write_timeout",
	[CLOSE_IDLE_TIMEOUT] = "idle_timeout",
	[CLOSE_HEARTBEAT_TIMEOUT] = "heartbeat_timeout",
	[CLOSE_SLOW_READER] = "slow_reader",
	[CLOSE_MEMORY] = "memory",
	[CLOSE_DRAIN] = "drain",
	[CLOSE_CUT] = "cut",
	[CLOSE_KILLED] = "killed",
	[CLOSE_MOVED] = "moved",
	[CLOSE_OPERATOR] = "operator",
	[CLOSE_DECLINED] = "declined",
	[CLOSE_UNTOLD] = "untold",
};
static_assert(countof(reason_texts) == CLOSE_REASON__COUNT, "a text for each reason");
static_assert((int)CLOSE_REASON__COUNT <= (int)CLOSE_REASON_MASK + 1, "they fit");

const char *
close_reason_text(enum close_reason reason)
{
	return reason_texts[reason];
}
