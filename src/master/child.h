/* A child of the master: one process, its slot and its channel. For the supervisor. */
#ifndef MASTER_CHILD_H
#define MASTER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "master/liveness.h"
#include "process/channel.h"

struct generation;
struct heritage_child;
struct listener_use;
struct seat;
struct supervisor;

/*
 *	STARTING --READY--> READY --GO--> RUNNING --DRAIN--> RETIRED
 *	    +----------------------- DRAIN ---------------------^
 */
enum child_state {
	CHILD_STARTING,
	CHILD_READY, /* waits for the others of its generation */
	CHILD_RUNNING,
	CHILD_RETIRED, /* drains, and has left its seat */
};

struct child {
	TAILQ_ENTRY(child) entry;
	struct supervisor *supervisor;
	struct generation *generation;
	struct seat *seat;
	enum child_state state;
	pid_t pid;
	unsigned slot;
	int64_t born_ms;          /* CLOCK_MONOTONIC */
	uint32_t service;         /* whose module it is starting, as it says: see stage.h */
	bool turns;               /* its loop does: it has served */
	bool retires;             /* said RETIRE */
	bool can_wait;            /* and serves until the next one does */
	bool failed;              /* said FAILED */
	bool drained;             /* said DRAINED */
	bool gives;               /* RETIRED: its connections go to others */
	bool sharing;             /* it was told to give some, and has not said GIVEN */
	bool cut_off;             /* has no channel any more */
	bool unsettled;           /* has not heard of the last settings */
	bool misled;              /* has not heard where its connections go to now */
	unsigned burst;           /* settings sent, less one for each child_settle */
	int64_t drain_timeout_ms; /* RETIRED */
	bool reaped;              /* its pid may be another process's by now */
	struct liveness liveness;
	bool adopted[CONFIG_WORKERS_MAX]; /* numbers whose sockets it accepts from: see steering.h
	                                   */
	struct channel channel;
	struct event *timer; /* pending until it is ready (start_timeout), and while it drains */
};

TAILQ_HEAD(child_list, child);

/* What a child brings about, on the master's loop. */
struct child_ops {
	void (*received)(void *child, const struct message *message); /* as channel.received */
	void (*late)(int fd, short what, void *child);                /* its timer has run out */
};

/*
 * Starts a child in SEAT and puts it into the supervisor's list. Returns it, or NULL with the
 * reason.
 */
struct child *child_spawn(struct seat *seat, const struct child_ops *ops, struct error *error)
	PF_MUST_CHECK;

/*
 * Takes over a child that another program has started in this process, in its place in SEAT. As
 * child_spawn; the channel is taken on success.
 */
struct child *child_adopt(struct seat *seat, const struct heritage_child *from,
	const struct child_ops *ops, struct error *error) PF_MUST_CHECK;

/* What child_adopt needs of it. */
struct heritage_child child_leave(const struct child *child);

/* It is ready: start_timeout is over, and no module can be to blame any more. */
void child_is_ready(struct child *child);

/* Tells it to accept. A child that does not take what it must be told is killed. */
void child_go(struct child *child);

/*
 * It drains from now on; after TIMEOUT_MS and a moment `late` is called. ALL: see messages.h. Its
 * connections go to INBOX (-1: none), which is lent.
 */
void child_retire(struct child *child, bool all, int inbox, int64_t timeout_ms);

/*
 * One that drains: its connections go to INBOX (lent) from now on; -1: to nobody. If its channel is
 * full, child_settle says it later.
 */
void child_send_inbox(struct child *child, int inbox);

/*
 * Tells it where the log of this process goes, and what of CONFIG is taken over at once. What ends
 * a long burst is told by child_settle, which is to be called now and then.
 */
void child_send_settings(struct child *child, const struct config *config);

void child_settle(struct child *child, const struct config *config, int inbox);

/* Has it accept from the socket NUMBER of USE. Returns 0, or -1: try again later. */
PF_MUST_CHECK int child_send_accept(
	struct child *child, const struct listener_use *use, int number);

/* Has it close the socket; LAST: after it has taken what is queued. Returns as the former. */
PF_MUST_CHECK int child_send_release(
	struct child *child, const struct listener_use *use, int number, bool last);

/* Orders that it may take a while for: see messages.h; descriptors are lent. As the former. */
PF_MUST_CHECK int child_send_give(struct child *child, int inbox, uint32_t count, int64_t limit_ms);
PF_MUST_CHECK int child_send_take(const struct child *child, int inbox);
PF_MUST_CHECK int child_send_list(const struct child *child, int socket, uint64_t kill);

/* A signal, unless it was reaped already. */
void child_kill(const struct child *child, int signal);

/*
 * After waitpid: drops its slot and everything else that there was of it. The slot of one that was
 * giving connections away is left to child_drop_late_slots, which is to be called now and then, and
 * says if one was dropped.
 */
void child_forget(struct child *child);
bool child_drop_late_slots(struct supervisor *supervisor);

/* After the last child_adopt: so are slots that are in use still, of children that are gone. */
void child_adopt_late_slots(struct supervisor *supervisor);

/* Connections in its slot; a number beyond every limit was trampled, is said and counts as 0. */
unsigned child_connections(const struct child *child);

/* Logs how it ended. EXPECTED: it was told to, and did so in order. */
void child_log_end(const struct child *child, int status, bool expected);

#endif
