/*
 * The way in of a connection: finds the replies in what has come, and checks each against the
 * request that it answers. A reply of an echo is the frame that was sent. Knows no socket.
 */
#ifndef BENCH_REPLIES_H
#define BENCH_REPLIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "tools/bench/payload.h"
#include "wire/wire.h"

enum replies_check {
	REPLIES_CHECK_LENGTH,
	REPLIES_CHECK_CONTENT,
	REPLIES_CHECK_NONE, /* any frame is a reply */
};

enum replies_status {
	REPLIES_MORE,    /* the input is used up, but for the start of a reply */
	REPLIES_LENGTH,  /* a reply that is whole has another length than the request */
	REPLIES_CONTENT, /* or other content */
	REPLIES_FRAME,   /* no reply can stand here, and nothing behind it can be trusted */
};

/* What holds for all connections. */
struct replies_rules {
	const struct wire *wire;
	const struct payload *payload;
	enum replies_check check;
};

struct replies {
	size_t next;     /* the frame of the payload that the next reply is checked against */
	size_t seen;     /* bytes of a reply whose rest is expected, and will not be decoded */
	size_t skip;     /* bytes of this rest */
	bool differs;    /* it is known by now that its content does */
	bool misfits;    /* or its length */
	size_t searched; /* bytes of what was left that the codec needs to see no more */
};

/*
 * Takes replies from the front of INPUT, at most MOST of them, up to the first that is bad. GOOD
 * says how many good ones came before. On REPLIES_MORE what is left of INPUT is to be offered
 * again, with more behind it. A reply behind the MOST is none: REPLIES_FRAME.
 */
PF_MUST_CHECK enum replies_status replies_take(struct replies *replies,
	const struct replies_rules *rules, struct span *input, uint32_t most, uint32_t *good);

#endif
