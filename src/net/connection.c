#include <config.h>

#include "net/connection.h"

#include <unistd.h>

#include "base/fd.h"
#include "net/input.h"
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

void
connection_close(struct connection *connection, enum close_reason reason)
{
	struct network *network = connection->network;

	if (connection->state == CONNECTION_CLOSED)
		return;
	connection->state = CONNECTION_CLOSED;
	connection->reason = (uint8_t)reason;
	event_del(&connection->event);
	deadline_cancel(&network->deadlines, &connection->deadline);
	output_discard(connection);
	fd_close(&connection->fd);
	admission_release(network->segment, connection->place);
	TAILQ_REMOVE(&network->open, connection, entry);
	TAILQ_INSERT_TAIL(&network->closed, connection, entry);
	network->open_count--;
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

static short
wanted_interest(const struct connection *connection)
{
	short output = connection->out.size > 0 ? EV_WRITE : 0;

	switch ((enum connection_state)connection->state) {
	case CONNECTION_OPEN:
		return connection->paused ? output : (short)(output | EV_READ);
	case CONNECTION_FLUSHING:
		return output;
	case CONNECTION_LINGERING:
		return EV_READ;
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
	return connection->state == CONNECTION_OPEN && connection->begun && !connection->paused;
}

static bool
write_counts(const struct connection *connection)
{
	return connection->out.size > 0 || connection->state == CONNECTION_LINGERING;
}

static int64_t
wanted_deadline(const struct connection *connection)
{
	int64_t idle_ms = connection->limits->idle_timeout_ms;
	int64_t due_ms = DEADLINE_NEVER;

	if (is_idle(connection))
		return idle_ms > 0 ? now(connection) + idle_ms : DEADLINE_NEVER;
	if (write_counts(connection))
		due_ms = connection->write_due_ms;
	if (read_counts(connection) && connection->read_due_ms < due_ms)
		due_ms = connection->read_due_ms;
	return due_ms;
}

void
connection_settle(struct connection *connection)
{
	short interest;

	if (unlikely(connection->failed))
		connection_close(connection, CLOSE_MEMORY);
	if (connection->drain == DRAIN_FINISH && connection->in.size == 0 && connection->held == 0)
		connection_finish(connection, CLOSE_DRAIN);
	if (connection->state == CONNECTION_FLUSHING && connection->out.size == 0 &&
		connection->held == 0)
		linger(connection);
	if (connection->state == CONNECTION_CLOSED)
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
	bool was_paused = connection->paused;

	if (unlikely(connection->state == CONNECTION_LINGERING)) {
		input_discard(connection);
		return;
	}
	if (unlikely((what & EV_WRITE) != 0))
		output_resume(connection);
	if (unlikely(was_paused && connection_is_fed(connection)))
		input_resume(connection);
	if (((what & EV_READ) != 0 || connection->drain == DRAIN_READ_ONCE) &&
		connection_is_fed(connection))
		input_receive(connection);
	connection_settle(connection);
}

int
connection_open(struct connection *connection, struct network *network, int fd,
	struct admission_place place, const struct config_service *limits,
	const struct connection_ops *ops)
{
	connection->network = network;
	connection->ops = ops;
	connection->limits = limits;
	connection->fd = fd;
	connection->place = place;
	connection->interest = EV_READ;
	deadline_init(&connection->deadline);
	event_assign(&connection->event, network->loop->base, fd, EV_READ | EV_PERSIST, on_event,
		connection);
	if (event_add(&connection->event, NULL) != 0)
		return -1;
	connection->id = ids_next(&network->ids, network->segment);
	TAILQ_INSERT_TAIL(&network->open, connection, entry);
	network->open_count++;
	return 0;
}

void
connection_finish(struct connection *connection, enum close_reason reason)
{
	if (connection->state != CONNECTION_OPEN)
		return;
	connection->state = CONNECTION_FLUSHING;
	connection->reason = (uint8_t)reason;
}

void
connection_drain(struct connection *connection)
{
	if (connection->state != CONNECTION_OPEN)
		return;
	connection->drain = DRAIN_READ_ONCE;
	if (!connection->paused)
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
	bool idle = is_idle(connection), came = input_receive(connection);

	if (connection->state == CONNECTION_OPEN && idle && !came)
		connection_close(connection, CLOSE_IDLE_TIMEOUT);
	else if (read_counts(connection) && connection->read_due_ms <= now(connection))
		connection_close(connection, CLOSE_READ_TIMEOUT);
	else
		connection_settle(connection);
}

/* Which of its limits the connection has reached; the deadline stood for the earliest. */
void
connection_expired(struct deadline *deadline)
{
	struct connection *connection = container_of(deadline, struct connection, deadline);
	int64_t now_ms = now(connection);

	if (connection->state == CONNECTION_LINGERING)
		connection_close(connection, connection->reason);
	else if (is_idle(connection) ||
		(read_counts(connection) && connection->read_due_ms <= now_ms))
		input_is_late(connection);
	else if (write_counts(connection) && connection->write_due_ms <= now_ms &&
		output_is_stuck(connection))
		connection_close(connection, CLOSE_WRITE_TIMEOUT);
	else
		connection_settle(connection);
}
