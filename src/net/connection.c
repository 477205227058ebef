#include <config.h>

#include "net/connection.h"

#include <sys/param.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/age.h"
#include "net/count.h"
#include "net/flow.h"
#include "net/input.h"
#include "net/move.h"
#include "net/output.h"
#include "net/transport.h"

enum {
	LINGER_MS = 2000,
};

static int64_t
now(const struct connection *connection)
{
	return loop_now(connection->network->loop);
}

/* One that goes on elsewhere keeps its age, and one that was declined had never begun here. */
static void
count_end(const struct connection *connection, enum close_reason reason)
{
	if (reason == CLOSE_DECLINED)
		return;
	connection_count(connection, COUNTER_CLOSED + reason, 1);
	if (!close_reason_goes_on(reason))
		counters_age(connection->network->segment, connection->place.service,
			age_ms(connection));
}

void
connection_close(struct connection *connection, enum close_reason reason)
{
	struct network *network = connection->network;

	if (connection->state == CONNECTION_CLOSED)
		return;
	connection->state = CONNECTION_CLOSED;
	connection->reason = reason & CLOSE_REASON_MASK;
	event_del(&connection->event);
	deadline_cancel(&network->deadlines, &connection->deadline);
	output_discard(connection);
	admission_set_closing(network->segment, true);
	fd_close(&connection->fd);
	count_end(connection, reason);
	admission_release(network->segment, connection->place);
	admission_set_closing(network->segment, false);
	connections_mark_closed(&network->connections, connection);
	STAILQ_INSERT_TAIL(&network->closed, connection, entry);
	network->open_count--;
}

void
connection_forget(struct connection *connection)
{
	buffer_drop(&connection->in, connection->in.size);
	connections_remove(&connection->network->connections, connection);
}

void
connection_set_idle_timeout(struct connection *connection, int64_t ms)
{
	if (ms < 0)
		ms = connection->limits->idle_timeout_ms;
	connection->idle_timeout_ms = (uint32_t)MIN(ms, UINT32_MAX);
}

/*
 * A close while unread input waits in the kernel would reset the connection and destroy replies
 * that the client has not read: RFC 1122, 4.2.2.13. So the client gets to close first.
 */
static void
linger(struct connection *connection)
{
	if (connection->eof || transport_shutdown(connection->fd) != 0) {
		connection_close(connection, connection->reason);
		return;
	}
	connection->state = CONNECTION_LINGERING;
	connection->write_due_ms = now(connection) + LINGER_MS;
}

/* In a drain, only what completes a message that has begun. */
static bool
is_read(const struct connection *connection)
{
	switch ((enum drain_step)connection->drain) {
	case DRAIN_NOT:
	case DRAIN_READ_ONCE:
		break;
	case DRAIN_FINISH:
		return connection->paused == 0 && connection->in.size > 0;
	case DRAIN_LAST:
		return false;
	}
	return connection->paused == 0;
}

/*
 * A pause is often over before anything comes, so that the event need not be changed for it: only
 * what does come makes that necessary.
 */
static bool
is_left_waiting(const struct connection *connection)
{
	return connection->paused != 0 && !connection->pressed && connection->drain == DRAIN_NOT &&
		(connection->interest & EV_READ) != 0;
}

static short
wanted_interest(const struct connection *connection)
{
	short output = connection->out.size > 0 ? EV_WRITE : 0;

	switch ((enum connection_state)connection->state) {
	case CONNECTION_OPEN:
		if (is_read(connection) || is_left_waiting(connection))
			return (short)(output | EV_READ);
		return output;
	case CONNECTION_FLUSHING:
		return output;
	case CONNECTION_LINGERING:
		return EV_READ;
	case CONNECTION_MOVING:
	case CONNECTION_CLOSED:
		break;
	}
	return 0;
}

static void on_event(int fd, short what, void *arg);

static void
set_interest(struct connection *connection, short interest)
{
	struct network *network = connection->network;

	if (connection->interest != 0)
		event_del(&connection->event);
	connection->interest = (uint8_t)interest;
	event_assign(&connection->event, network->loop->base, connection->fd,
		(short)(interest | EV_PERSIST), on_event, connection);
	if (interest != 0 && event_add(&connection->event, NULL) != 0)
		connection_close(connection, CLOSE_MEMORY);
}

static bool
is_idle(const struct connection *connection)
{
	return connection->state == CONNECTION_OPEN && connection->held == 0 &&
		connection->in.size == 0 && connection->out.size == 0;
}

/* Whether read_timeout, or write_timeout (or the end of a linger), counts now. */
static bool
read_counts(const struct connection *connection)
{
	return connection->state == CONNECTION_OPEN && connection->begun && is_read(connection);
}

static bool
write_counts(const struct connection *connection)
{
	return connection->out.size > 0 || connection->state == CONNECTION_LINGERING;
}

/* A client whose answer could not be read is not asked. */
static bool
heartbeat_counts(const struct connection *connection)
{
	return connection->limits->heartbeat_ms > 0 && flow_is_on(connection) && !connection->eof &&
		connection->out.size == 0;
}

static int64_t
idle_due(const struct connection *connection)
{
	return connection->idle_timeout_ms > 0 ? connection->active_ms + connection->idle_timeout_ms
					       : DEADLINE_NEVER;
}

static int64_t
heartbeat_due(const struct connection *connection)
{
	const struct config_service *limits = connection->limits;

	return connection->active_ms + limits->heartbeat_ms +
		(connection->asked ? limits->heartbeat_timeout_ms : 0);
}

static int64_t
wanted_deadline(const struct connection *connection)
{
	int64_t due_ms = DEADLINE_NEVER;

	if (is_idle(connection))
		due_ms = idle_due(connection);
	if (write_counts(connection))
		due_ms = connection->write_due_ms;
	if (read_counts(connection))
		due_ms = MIN(due_ms, connection->read_due_ms);
	if (heartbeat_counts(connection))
		due_ms = MIN(due_ms, heartbeat_due(connection));
	return due_ms;
}

/* Once only, and behind the last reply. */
static void
say_goodbye(struct connection *connection)
{
	connection->ended = true;
	if (connection->reason != CLOSE_DRAIN)
		return;
	connection_hold(connection);
	connection->network->ops->goodbye(connection);
	output_flush(connection);
	connection_release(connection);
}

/* Whether all has been taken that a drain has to wait for. */
static bool
is_drained(const struct connection *connection)
{
	return (connection->drain == DRAIN_FINISH && connection->in.size == 0) ||
		(connection->drain == DRAIN_LAST && flow_is_on(connection));
}

/* Takes the last steps of an orderly end that can be taken. */
static void
end_in_order(struct connection *connection)
{
	if (connection->held > 0)
		return;
	if (is_drained(connection))
		connection_finish(connection, CLOSE_DRAIN);
	if (connection->state == CONNECTION_FLUSHING && !connection->ended)
		say_goodbye(connection);
	if (connection->state == CONNECTION_FLUSHING)
		output_flush(connection); /* what is still gathered is not out yet */
	if (connection->state == CONNECTION_FLUSHING && connection->out.size == 0)
		linger(connection);
}

void
connection_settle(struct connection *connection)
{
	short interest;

	if (unlikely(connection->failed))
		connection_close(connection, CLOSE_MEMORY);
	end_in_order(connection);
	if (connection->state == CONNECTION_CLOSED || connection->state == CONNECTION_MOVING)
		return;

	interest = wanted_interest(connection);
	if (unlikely(interest != connection->interest))
		set_interest(connection, interest);
	if (connection->state != CONNECTION_CLOSED)
		deadline_set(&connection->network->deadlines, &connection->deadline,
			wanted_deadline(connection));
}

static void
on_event(int fd PF_UNUSED, short what, void *arg)
{
	struct connection *connection = arg;
	bool was_paused = connection->paused != 0;

	if (unlikely(connection->state == CONNECTION_LINGERING)) {
		input_discard(connection);
		return;
	}
	if (unlikely((what & EV_WRITE) != 0))
		output_resume(connection);
	if (unlikely(was_paused))
		flow_resume(connection);
	if ((what & EV_READ) != 0 && flow_is_on(connection))
		input_receive(connection);
	else if ((what & EV_READ) != 0)
		connection->pressed = true;
	connection_settle(connection);
}

static void
begin(struct connection *connection, struct network *network, int fd, struct admission_place place,
	const struct config_service *limits)
{
	connection->network = network;
	connection->limits = limits;
	connection->fd = fd;
	connection->place = place;
	connection->active_ms = now(connection);
	age_set(connection, 0, 0);
	connection_set_idle_timeout(connection, -1);
	deadline_init(&connection->deadline);
}

static void
list(struct connection *connection, uint64_t id)
{
	struct network *network = connection->network;

	connection->id = id;
	connections_add(&network->connections, connection);
	network->open_count++;
}

int
connection_open(struct connection *connection, struct network *network, int fd,
	struct admission_place place, const struct config_service *limits)
{
	begin(connection, network, fd, place, limits);
	connection->interest = EV_READ;
	event_assign(&connection->event, network->loop->base, fd, EV_READ | EV_PERSIST, on_event,
		connection);
	if (event_add(&connection->event, NULL) != 0)
		return -1;
	list(connection, ids_next(&network->ids, network->segment));
	return 0;
}

void
connection_adopt(struct connection *connection, struct network *network, int fd,
	struct admission_place place, const struct config_service *limits, uint64_t id)
{
	begin(connection, network, fd, place, limits);
	event_assign(&connection->event, network->loop->base, fd, EV_PERSIST, on_event, connection);
	list(connection, id);
}

void
connection_let_go(struct connection *connection)
{
	connection->state = CONNECTION_MOVING;
	event_del(&connection->event);
	connection->interest = 0;
	deadline_cancel(&connection->network->deadlines, &connection->deadline);
}

void
connection_finish(struct connection *connection, enum close_reason reason)
{
	if (connection->state != CONNECTION_OPEN)
		return;
	connection->state = CONNECTION_FLUSHING;
	connection->reason = reason & CLOSE_REASON_MASK;
}

void
connection_drain(struct connection *connection)
{
	if (connection->state != CONNECTION_OPEN)
		return;
	connection->drain = DRAIN_READ_ONCE;
	if (connection->paused == 0)
		input_receive(connection);
	connection_settle(connection);
}

/*
 * The loop may have stood still (a stopped process, a handler that took its time): what lies in
 * the socket by now came in time.
 */
static void
input_is_late(struct connection *connection)
{
	const int64_t now_ms = now(connection);
	bool idle = is_idle(connection) && idle_due(connection) <= now_ms;
	bool mute = connection->asked && heartbeat_due(connection) <= now_ms;
	bool came = input_receive(connection);

	if (connection->state == CONNECTION_OPEN && idle && !came)
		connection_close(connection, CLOSE_IDLE_TIMEOUT);
	else if (connection->state == CONNECTION_OPEN && mute && !came)
		connection_close(connection, CLOSE_HEARTBEAT_TIMEOUT);
	else if (read_counts(connection) && connection->read_due_ms <= now_ms)
		connection_close(connection, CLOSE_READ_TIMEOUT);
	else
		connection_settle(connection);
}

/* One that goes out late gives the client its full time all the same. */
static void
ask_for_life(struct connection *connection)
{
	connection->asked = true;
	connection->active_ms = now(connection) - connection->limits->heartbeat_ms;
	connection->network->ops->heartbeat(connection);
	output_flush(connection);
	connection_settle(connection);
}

static bool
input_is_due(const struct connection *connection, int64_t now_ms)
{
	if (is_idle(connection) && idle_due(connection) <= now_ms)
		return true;
	if (read_counts(connection) && connection->read_due_ms <= now_ms)
		return true;
	return heartbeat_counts(connection) && connection->asked &&
		heartbeat_due(connection) <= now_ms;
}

static void
end_linger(struct connection *connection)
{
	connection_count(connection, COUNTER_LINGERS, 1);
	connection_close(connection, connection->reason);
}

/* Which of its limits the connection has reached; the deadline stood for the earliest. */
void
connection_expired(struct deadline *deadline)
{
	struct connection *connection = container_of(deadline, struct connection, deadline);
	int64_t now_ms = now(connection);

	if (connection->state == CONNECTION_LINGERING)
		end_linger(connection);
	else if (input_is_due(connection, now_ms))
		input_is_late(connection);
	else if (write_counts(connection) && connection->write_due_ms <= now_ms &&
		output_is_stuck(connection))
		connection_close(connection, CLOSE_WRITE_TIMEOUT);
	else if (heartbeat_counts(connection) && heartbeat_due(connection) <= now_ms)
		ask_for_life(connection);
	else
		connection_settle(connection);
}
