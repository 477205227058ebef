/*
 * The way out: turns messages into frames as the socket takes them, through one buffer that stays
 * as it is however many messages there are and however large they are.
 */
#ifndef CAT_SENDER_H
#define CAT_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/span.h"
#include "tools/cat/source.h"
#include "wire/wire.h"

enum {
	SENDER_BUFFER = 64 * 1024,
};

struct sender {
	const struct wire *wire;
	enum wire_end end_of_line;
	struct source *source;
	bool wants_input; /* the source waits for standard input */
	bool ended;       /* the source has ended and all of it is sent */
	int failed;       /* errno of the send after which no other is tried, or 0 */

	struct span message; /* what of the current one is not in the buffer yet */
	struct span suffix;  /* what comes behind it */
	size_t start, end;   /* bytes of the buffer to be sent */
	char buffer[SENDER_BUFFER];
};

/* Whether something waits for the socket to take it. */
static inline bool
sender_pending(const struct sender *sender)
{
	return sender->start < sender->end;
}

/* Takes what messages there are and the buffer has room for. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int sender_fill(struct sender *sender, struct error *error);

/* Sends what FD takes. Returns the bytes taken; 0 if none were. */
size_t sender_send(struct sender *sender, int fd);

#endif
