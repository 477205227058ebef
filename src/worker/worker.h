/*
 * The worker: starts, runs its loop, stops. What it does with a connection is session.c's, how it
 * ends is drain.c's.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "dispatch/service.h"
#include "net/acceptor.h"
#include "process/channel.h"
#include "process/loop.h"
#include "process/role.h"
#include "process/signals.h"
#include "worker/gauges.h"
#include "worker/handover.h"
#include "worker/recycle.h"
#include "worker/roster.h"
#include "worker/sessions.h"
#include "worker/takeover.h"

/*
 *	STARTING --ready, GO--> ACCEPTING --drain_begin--> DRAINING --last connection--> (exit)
 */
enum worker_state {
	WORKER_STARTING,
	WORKER_ACCEPTING,
	WORKER_DRAINING,
};

struct worker {
	const struct inheritance *inheritance;
	enum worker_state state;
	struct loop loop;
	struct signals signals;
	struct channel channel; /* to the master */
	struct sessions sessions;
	struct acceptor acceptor;
	struct takeover takeover;
	struct handover handover;
	struct roster_list rosters;
	struct gauges gauges;
	struct recycle recycle;
	struct service *services; /* the order of the configuration */
	size_t services_started;
	bool batch;         /* it interrupts nobody, but when it is */
	bool eager;         /* its loop must not wait for its own threads */
	bool retiring;      /* has asked the master for somebody in its place */
	struct event *tick; /* shows other processes that the loop turns */
	struct event *drain_timer;
	int64_t drain_timeout_ms;
	bool drain_over;   /* drain_timeout has passed */
	bool orphaned;     /* the master is gone */
	size_t drain_left; /* connections when the drain began */
	size_t drain_cut;  /* of them, closed with work unfinished */
};

extern const struct role worker_role;

/* Loads the modules, says how that went, exits. */
extern const struct role check_role;

/*
 * The steps that both roles take: takes its CPUs, becomes unprivileged, and mortal with the master;
 * starts every service. Each returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int worker_drop_privileges(struct worker *worker, struct error *error);
PF_MUST_CHECK int worker_start_services(struct worker *worker, struct error *error);
void worker_stop_services(struct worker *worker);

/* Once nothing names a service any more. */
void worker_free_services(struct worker *worker);

/* Ends the process's work at the end of this turn. */
void worker_stop(struct worker *worker);

#endif
