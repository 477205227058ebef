/*
 * The conversation: messages go out as the socket takes them and replies come in at any time, so
 * that neither side's buffers can bring it to a stand.
 *
 *	         the source has ended             every message has its reply,
 *	         and all of it is sent            or none is expected
 *	SENDING -----------------------> RECEIVING ------------------------> done
 *
 * Memory stays the same however many messages there are.
 */
#ifndef CAT_EXCHANGE_H
#define CAT_EXCHANGE_H

#include "base/compiler.h"
#include "base/error.h"
#include "tools/cat/options.h"
#include "tools/cat/source.h"

enum {
	EXCHANGE_INCOMPLETE = 1, /* exit status: the server ended it before every reply came */
};

/*
 * Sends all messages of SOURCE over FD, a connected non-blocking socket, and prints the replies.
 * Returns 0, or the exit status with the reason.
 */
PF_MUST_CHECK int exchange_run(
	int fd, struct source *source, const struct options *options, struct error *error);

#endif
