/*
 * A reload as a transaction: a new generation is made ready beside the one that serves, and takes
 * its place; or something is wrong, the new one is gone again, and nobody has noticed.
 *
 *	CLOSED --first start--> IDLE --reload_ask--> STARTING --ready, failed--> IDLE
 *	                         ^ |                    ^
 *	                 (refused) +----> WAITING ------+
 */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sink.h"
#include "config/config.h"
#include "master/announce.h"
#include "master/supervisor.h"

enum reload_state {
	RELOAD_CLOSED, /* the server starts, or ends */
	RELOAD_IDLE,
	RELOAD_WAITING,  /* for what workers that drain still have: slots, an address */
	RELOAD_STARTING, /* a generation */
};

/* How a reload ended. */
struct reload_end {
	const char *reason; /* why nothing came of it; NULL: the new configuration is in use */
	int status;         /* of sysexits(3), for it */
	bool replaced;      /* workers were */
	int64_t took_ms;
};

struct reload {
	enum reload_state state;
	bool again; /* asked for while one was under way */
	bool said;  /* that it waits for slots */
	bool stale; /* the workers are another program's: all are to be replaced */
	int64_t asked_ms;
	struct event *timer; /* pending: WAITING, to begin again */
	struct config_source source;
	struct supervisor *supervisor;
	struct announce *announce;
	int generations; /* numbers given out */
	int64_t begun_ms;
	struct sink sink;                                       /* STARTING: the new log's */
	void (*ended)(void *arg, const struct reload_end *end); /* whoever asked */
	void *arg;
};

/*
 * The first generation has number 1 and is not made here. ENDED hears how each reload ended.
 * Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int reload_open(struct reload *reload, const struct config_source *source,
	struct supervisor *supervisor, struct announce *announce,
	void (*ended)(void *arg, const struct reload_end *end), void *arg, struct error *error);

void reload_close(struct reload *reload);

/* The server serves: reloads can begin, and one that was asked for does. */
void reload_start(struct reload *reload);

/* From now on a reload replaces the workers whatever has changed, until one has. */
void reload_all(struct reload *reload);

/* Begins a reload, or another one after the start or the reload that is under way. */
void reload_ask(struct reload *reload);

/* What the supervisor says of the new generation. */
void reload_ready(struct reload *reload);
void reload_failed(struct reload *reload, const char *reason);

/* Opens the log anew, and that of the generation that starts, too. The server serves. */
void reload_reopen_log(struct reload *reload);

/* A slot has become free, or it is time to try again. */
void reload_resume(struct reload *reload);

/* The server ends: whatever is under way is given up. */
void reload_cancel(struct reload *reload);

#endif
