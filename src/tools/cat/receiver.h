/*
 * The way in: a buffer that grows with what has come, up to the largest reply, never with what a
 * frame announces.
 */
#ifndef CAT_RECEIVER_H
#define CAT_RECEIVER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "wire/wire.h"

struct receiver {
	const struct wire *wire;
	char *data;
	size_t start, end; /* bytes that are not decoded yet */
	size_t searched;   /* of these, at the start: the codec needs to see them no more */
	size_t room;
};

/* Returns 0, or -1 with the reason. */
PF_MUST_CHECK int receiver_open(
	struct receiver *receiver, const struct wire *wire, struct error *error);

void receiver_close(struct receiver *receiver);

/* Bytes of a frame that is not whole yet. */
static inline size_t
receiver_pending(const struct receiver *receiver)
{
	return receiver->end - receiver->start;
}

/* Receives once from FD. Returns what recv(2) does, with errno. */
PF_MUST_CHECK ssize_t receiver_receive(struct receiver *receiver, int fd);

/* Forgets what has been received. */
void receiver_discard(struct receiver *receiver);

/* Takes the next frame. Its message is borrowed until receiver_make_room. */
PF_MUST_CHECK enum wire_status receiver_next(struct receiver *receiver, struct wire_frame *frame);

/* Takes what is no whole frame, at the end of file, if it is one all the same. */
PF_MUST_CHECK enum wire_status receiver_finish(struct receiver *receiver, struct wire_frame *frame);

/*
 * Makes room for more of a frame of SIZE bytes, once receiver_next wants more.
 * Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int receiver_make_room(struct receiver *receiver, size_t size, struct error *error);

#endif
