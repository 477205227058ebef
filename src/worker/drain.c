#include <config.h>

#include "worker/drain.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "net/connection.h"
#include "net/seal.h"
#include "process/title.h"

static void
report(struct worker *worker)
{
	const size_t moved = worker->handover.moved;
	struct message message = {
		.type = MESSAGE_DRAINED,
		.drained = {
			.moved = (uint32_t)moved,
			.closed = (uint32_t)(worker->drain_left - moved - worker->drain_cut),
			.cut = (uint32_t)worker->drain_cut,
		},
	};

	if (channel_send(&worker->channel, &message) != 0)
		log_debug("the master is gone and does not hear of the drain");
	handover_report(worker);
	log_info("drained", log_int("closed", message.drained.closed),
		log_int("cut", message.drained.cut), log_int("moved", message.drained.moved));
}

/* A client that has all its replies and only does not close is not cut off from anything. */
static void
cut(struct connection *connection, void *arg)
{
	struct worker *worker = arg;

	switch ((enum connection_state)connection->state) {
	case CONNECTION_OPEN:
	case CONNECTION_FLUSHING:
		worker->drain_cut++;
		connection_close(connection, CLOSE_CUT);
		break;
	case CONNECTION_LINGERING:
		connection_close(connection, connection->reason);
		break;
	case CONNECTION_MOVING: /* whoever is asked may have it already */
	case CONNECTION_CLOSED:
		break;
	}
}

static void
on_timeout(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct worker *worker = arg;

	worker->drain_over = true;
	handover_stop(worker, worker->handover.hindrance);
	connections_visit(&worker->sessions.network->connections, cut, worker);
}

int
drain_open(struct worker *worker, struct error *error)
{
	worker->drain_timer = evtimer_new(worker->loop.base, on_timeout, worker);
	if (worker->drain_timer == NULL)
		return error_set(error, "cannot make a timer");
	return 0;
}

void
drain_close(struct worker *worker)
{
	if (worker->drain_timer != NULL)
		event_free(worker->drain_timer);
	worker->drain_timer = NULL;
}

static void
show(struct worker *worker)
{
	const struct inheritance *inheritance = worker->inheritance;

	atomic_store(&worker->sessions.network->segment->own->state, SLOT_DRAINING);
	title_set("worker %d (generation %d, draining)", inheritance->number,
		inheritance->generation);
}

static void
lift_seal(struct connection *connection, void *arg PF_UNUSED)
{
	seal_lift(connection->fd);
}

void
drain_one(struct worker *worker, struct connection *connection)
{
	if (worker->drain_over)
		cut(connection, worker);
	else
		connection_drain(connection);
}

static void
visit(struct connection *connection, void *arg)
{
	drain_one(arg, connection);
}

void
drain_begin(struct worker *worker, bool all, int inbox, int64_t timeout_ms)
{
	struct connections *connections = &worker->sessions.network->connections;

	if (worker->state == WORKER_DRAINING) {
		fd_close(&inbox);
		return;
	}
	handover_end_share(worker);
	worker->state = WORKER_DRAINING;
	takeover_stop(worker);
	if (all)
		acceptor_take_queued(&worker->acceptor);
	acceptor_close(&worker->acceptor);
	worker->drain_left = worker->sessions.network->open_count;
	show(worker);

	worker->drain_timeout_ms = timeout_ms;
	loop_start_timer(worker->drain_timer, timeout_ms);
	if (worker->acceptor.sealed)
		connections_visit(connections, lift_seal, NULL);
	if (inbox >= 0)
		handover_begin(worker, inbox);
	else
		connections_visit(connections, visit, worker);
}

void
drain_set_timeout(struct worker *worker, int64_t timeout_ms)
{
	if (worker->state == WORKER_DRAINING && timeout_ms != worker->drain_timeout_ms)
		loop_start_timer(worker->drain_timer, timeout_ms);
	worker->drain_timeout_ms = timeout_ms;
}

/* A handler whose client has left is waited for like any other, unless it is known to hang. */
static bool
is_done(struct worker *worker)
{
	const struct network *network = worker->sessions.network;

	if (network->open_count > 0 || (takeover_is_on(worker) && !worker->drain_over))
		return false;
	return network->connections.count == 0 || worker->drain_over ||
		pool_lost(&worker->sessions.dispatch.pool) > 0;
}

void
drain_check(struct worker *worker)
{
	if (worker->state != WORKER_DRAINING || worker->loop.stopping)
		return;
	if (worker->drain_over && worker->orphaned)
		handover_leave(worker);
	if (!is_done(worker))
		return;
	report(worker);
	worker_stop(worker);
}
