/* A child of the master: one process, its slot and its channel. For the supervisor. */
#ifndef MASTER_CHILD_H
#define MASTER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "process/channel.h"

struct seat;
struct supervisor;

/*
 *	STARTING --READY--> RUNNING --RETIRE--> RETIRED
 */
enum child_state {
	CHILD_STARTING,
	CHILD_RUNNING,
	CHILD_RETIRED, /* drains, and has left its seat */
};

struct child {
	TAILQ_ENTRY(child) entry;
	struct supervisor *supervisor;
	struct seat *seat;
	enum child_state state;
	pid_t pid;
	unsigned slot;
	int64_t born_ms;  /* CLOCK_MONOTONIC */
	uint32_t service; /* whose module it is starting, as it says: see stage.h */
	bool failed;      /* said FAILED */
	bool drained;     /* said DRAINED */
	bool reaped;      /* its pid may be another process's by now */
	struct channel channel;
	struct event *timer; /* pending until it is ready: start_timeout */
};

TAILQ_HEAD(child_list, child);

/* What a child brings about, on the master's loop. */
struct child_ops {
	void (*received)(void *child, const struct message *message); /* as channel.received */
	void (*late)(int fd, short what, void *child); /* not ready within start_timeout */
};

/*
 * Starts a child in SEAT and puts it into the supervisor's list. Returns it, or NULL with the
 * reason.
 */
struct child *child_spawn(struct seat *seat, const struct child_ops *ops, struct error *error)
	PF_MUST_CHECK;

/* Send without waiting; a child that does not take it is killed. ALL: see messages.h. */
void child_send_go(struct child *child);
void child_send_drain(struct child *child, bool all);

/* SIGKILL, unless it was reaped already. */
void child_kill(const struct child *child);

/* It is ready: start_timeout is over, and no module can be to blame any more. */
void child_is_ready(struct child *child);

/* After waitpid: drops its slot and everything else that there was of it. */
void child_forget(struct child *child);

/* Connections in its slot; a number beyond every limit was trampled, is said and counts as 0. */
unsigned child_connections(const struct child *child);

/* Logs how it ended. EXPECTED: it was told to, and did so in order. */
void child_log_end(const struct child *child, int status, bool expected);

#endif
