/*
 * The giving side of a hand-over: the connections of a worker that retires go to others, each as
 * soon as nothing of it is under way, and are served here until then. See conversation.h.
 *
 * What cannot move drains. A worker may also be told to share: then it gives some and serves on.
 * Loop only.
 */
#ifndef WORKER_HANDOVER_H
#define WORKER_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "process/record.h"
#include "worker/conversation.h"
#include "worker/movable.h"

struct session;
struct worker;

struct handover {
	int inbox; /* of those who take; -1: nobody does (any more) */
	struct movable movable;
	int conversation; /* -1: none */
	struct event *event;
	struct event *timer;            /* pending: a rest, or nobody can take for now */
	enum refusal_to_take hindrance; /* why there is no conversation, or may be none */
	int64_t alone_ms; /* since when nobody has the other end of the inbox; 0: somebody has */
	unsigned credits; /* 0: not granted yet, or used */
	uint64_t sent[CONVERSATION_CREDITS]; /* in this conversation, in order */
	unsigned sent_count;
	unsigned broken;      /* conversations in a row that the taker did not end */
	struct record record; /* its memory serves for all */
	size_t moved;
	bool sharing;        /* this worker serves on, and gives only... */
	size_t share;        /* ...so many */
	struct event *limit; /* pending: the time that it takes for that at most */
	size_t stayed[TAKE__COUNT];
};

/* Prepares; on the worker's loop. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int handover_open(struct worker *worker, struct error *error);
void handover_close(struct worker *worker);

/* Begins with all connections that are open, to those who read INBOX, which is taken. */
void handover_begin(struct worker *worker, int inbox);

/*
 * Gives up to COUNT connections to those who read INBOX, which is taken, and serves on: the others,
 * and after TIMEOUT_MS those that are busy still, stay as they are. The master hears of the end.
 */
void handover_share(struct worker *worker, int inbox, size_t count, int64_t timeout_ms);

/* The worker is about to retire: what it was sharing is over. */
void handover_end_share(struct worker *worker);

/* Others take now: those who read INBOX, which is taken. */
void handover_turn_to(struct worker *worker, int inbox);

/* Nobody takes any more, for the reason WHY: what is not on its way drains. */
void handover_stop(struct worker *worker, enum refusal_to_take why);

/* At the end of a drain without a master, who would end takers that stand still: they have all that
 * is on its way. */
void handover_leave(struct worker *worker);

/* Whether connections are to go. */
bool handover_is_on(const struct worker *worker);

/* One more, that has come meanwhile. */
void handover_add(struct worker *worker, struct session *session);

/* At the end of each turn. */
void handover_turn(struct worker *worker);

/* Says why connections could not move. */
void handover_report(const struct worker *worker);

#endif
