/*
 * What the service manager is told (process/notify.h): when the server is ready, that it reloads,
 * that it ends, in a line for people how it is, and now and then that the master's loop turns.
 *
 * A message for which there is no room now is sent later, the last state and the last line of each.
 */
#ifndef MASTER_ANNOUNCE_H
#define MASTER_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "master/supervisor.h"
#include "process/notify.h"
#include "segment/layout.h"

enum {
	ANNOUNCE_LINE_MAX = 700, /* bytes of the line for people, with its end */
};

struct announce {
	struct notify notify;
	const struct supervisor *supervisor;
	bool detached; /* another process was started, and waits to be told that this one is it */
	bool reloading;
	bool unheard;                  /* the last message was not taken, and that was logged */
	bool alive;                    /* WATCHDOG=1 is due */
	char state[128];               /* lines that are due; "": none */
	char shown[ANNOUNCE_LINE_MAX]; /* the line that was sent last */
	char line[ANNOUNCE_LINE_MAX];  /* the line as it is to be */
	char failure[sizeof(((struct error *)0)->text)]; /* of the last reload; "": it went well */
	struct event *watchdog;                          /* NULL: nobody waits for that */
};

/*
 * DETACHED: the server was started in the background. Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int announce_open(struct announce *announce, const struct supervisor *supervisor,
	bool detached, struct error *error);

void announce_close(struct announce *announce);

/* The server starts, which may take TIMEOUT_MS for the addresses and again for the workers. */
void announce_starting(struct announce *announce, int64_t timeout_ms);

/* The server serves. */
void announce_ready(struct announce *announce);

/* A reload begins, if none is under way; it is over, and has failed if there is a FAILURE. */
void announce_reloading(struct announce *announce);
void announce_reloaded(struct announce *announce, const char *failure);

/* The server begins to end, which may take its drain_timeout. */
void announce_stopping(struct announce *announce);

/* It cannot start. */
void announce_failed(struct announce *announce, const char *reason);

/* Now and then, and whenever something has changed: says what the line for people says now. */
void announce_update(struct announce *announce, enum segment_state state);

#endif
