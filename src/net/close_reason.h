/* Why a connection was closed. */
#ifndef NET_CLOSE_REASON_H
#define NET_CLOSE_REASON_H

#include <stdbool.h>

enum close_reason {
	CLOSE_CLIENT,    /* the client shut its side and has its replies */
	CLOSE_TRUNCATED, /* the same, within a message */
	CLOSE_RESET,     /* the client or the network broke it off */
	CLOSE_PROTOCOL,  /* what came is no message */
	CLOSE_MODULE,    /* the module asked for it */
	CLOSE_READ_TIMEOUT,
	CLOSE_WRITE_TIMEOUT,
	CLOSE_IDLE_TIMEOUT,
	CLOSE_HEARTBEAT_TIMEOUT,
	CLOSE_SLOW_READER, /* it does not read what it is sent unasked */
	CLOSE_MEMORY,      /* no memory for it */
	CLOSE_DRAIN,       /* the worker ends; everything begun has been answered */
	CLOSE_CUT,         /* the worker ends, and something was unfinished */
	CLOSE_KILLED,      /* the worker did not end by itself: the master counts it */
	CLOSE_MOVED,       /* another worker has it; the client notices nothing */
	CLOSE_OPERATOR,    /* preforkctl(8) asked for it */
	CLOSE_DECLINED,    /* the module here does not take it: it stays where it was */
	CLOSE_UNTOLD,      /* nobody could be told that it is here: it stays where it was */
	CLOSE_REASON__COUNT
};

enum {
	CLOSE_REASON_MASK = 63, /* they fit in so many bits */
};

/* A word for the reason, for logs. */
const char *close_reason_text(enum close_reason reason);

/* Whether a connection goes on in another worker, and no client notices that it ends here. */
static inline bool
close_reason_goes_on(enum close_reason reason)
{
	return reason == CLOSE_MOVED || reason == CLOSE_DECLINED || reason == CLOSE_UNTOLD;
}

#endif
