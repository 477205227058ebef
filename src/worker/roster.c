#include <config.h>

#include "worker/roster.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "net/age.h"
#include "process/control.h"
#include "worker/session.h"
#include "worker/worker.h"

enum {
	ROSTERS_MAX = 4, /* at once, of all connections */
	PACKETS_AT_ONCE = 2,
	READ_TIMEOUT_S = 10, /* for a reader that takes nothing */
};

struct roster {
	LIST_ENTRY(roster) entry;
	struct worker *worker;
	int socket;
	struct event *event;
	struct control_row *rows;
	size_t count, sent;
	bool told; /* and that there are no more */
};

static void
end(struct roster *roster)
{
	LIST_REMOVE(roster, entry);
	if (roster->event != NULL)
		event_free(roster->event);
	fd_close(&roster->socket);
	free(roster->rows);
	free(roster);
}

static uint32_t
state_of(const struct connection *connection)
{
	switch ((enum connection_state)connection->state) {
	case CONNECTION_FLUSHING:
	case CONNECTION_LINGERING:
	case CONNECTION_CLOSED:
		return CONTROL_CLOSING;
	case CONNECTION_MOVING:
		return CONTROL_MOVING;
	case CONNECTION_OPEN:
		break;
	}
	return CONTROL_OPEN;
}

/* The kernel counts them for TCP, wherever the connection has been served. */
static void
count_bytes(struct control_row *row, int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
		return;
	row->counts_bytes = 1;
	row->received = info.tcpi_bytes_received;
	row->sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
}

/* What the kernel has to be asked for. */
static void
complete_row(struct control_row *row, const struct connection *connection)
{
	socklen_t size = sizeof(row->peer);

	count_bytes(row, connection->fd);
	if (getpeername(connection->fd, (struct sockaddr *)&row->peer, &size) == 0)
		row->peer_size = (uint32_t)MIN(size, sizeof(row->peer));
}

static void
add_row(struct roster *roster, struct connection *connection)
{
	const struct session *session = container_of(connection, struct session, connection);
	const struct inheritance *inheritance = roster->worker->inheritance;
	const int64_t now_ms = loop_now(&roster->worker->loop);

	roster->rows[roster->count++] = (struct control_row){
		.id = connection->id,
		.requests = session->requests,
		.age_ms = age_ms(connection),
		.quiet_ms = MAX(now_ms - connection->active_ms, 0),
		.in_flight = connection->held,
		.worker = (uint32_t)inheritance->number,
		.generation = (uint32_t)inheritance->generation,
		.service = connection->place.service,
		.state = state_of(connection),
	};
}

static void
add_open(struct connection *connection, void *arg)
{
	if (connection->state != CONNECTION_CLOSED)
		add_row(arg, connection);
}

static int
list_all(struct roster *roster)
{
	struct connections *connections = &roster->worker->sessions.network->connections;

	roster->rows = calloc(MAX(connections->count, 1), sizeof(roster->rows[0]));
	if (roster->rows == NULL)
		return -1;
	connections_visit(connections, add_open, roster);
	return 0;
}

/* One on its way to another worker may be served there by now. */
static void
kill_one(struct roster *roster, uint64_t id)
{
	struct connection *connection =
		connections_find(&roster->worker->sessions.network->connections, id);

	if (connection == NULL || connection->state == CONNECTION_CLOSED)
		return;
	add_row(roster, connection);
	complete_row(&roster->rows[0], connection);
	if (connection->state == CONNECTION_MOVING)
		return;
	log_info("connection closed", log_str("reason", close_reason_text(CLOSE_OPERATOR)),
		log_id("connection", id));
	connection_close(connection, CLOSE_OPERATOR);
}

/*
 * Only before they go out, for to ask the kernel for all at once would keep the clients waiting.
 * One that is gone meanwhile has no peer any more.
 */
static void
complete_rows(const struct roster *roster, struct control_row *rows, size_t count)
{
	const struct connections *connections = &roster->worker->sessions.network->connections;

	for (size_t i = 0; i < count; i++) {
		const struct connection *connection = connections_find(connections, rows[i].id);

		if (connection != NULL && connection->state != CONNECTION_CLOSED)
			complete_row(&rows[i], connection);
	}
}

static int
send_packet(struct roster *roster)
{
	const size_t count = MIN(roster->count - roster->sent, CONTROL_ROWS);
	const bool last = roster->sent + count == roster->count;
	struct control_rows packet = {
		.version = CONTROL_VERSION,
		.count = (uint16_t)count,
		.last = last,
	};

	complete_rows(roster, &roster->rows[roster->sent], count);
	memcpy(packet.rows, &roster->rows[roster->sent], count * sizeof(packet.rows[0]));
	if (control_send(roster->socket, &packet, control_rows_size(count), NULL, 0) != 0)
		return -1;
	roster->sent += count;
	roster->told = last;
	return 0;
}

/* Some in a turn: the clients come first. Returns whether its reader is there still. */
static bool
send_some(struct roster *roster)
{
	for (int i = 0; i < PACKETS_AT_ONCE && !roster->told; i++) {
		if (send_packet(roster) != 0)
			return errno == EAGAIN || errno == EINTR;
	}
	return true;
}

static void
on_writable(int fd PF_UNUSED, short what, void *arg)
{
	struct roster *roster = arg;
	const bool is_late = (what & EV_WRITE) == 0;

	if (is_late || !send_some(roster) || roster->told)
		end(roster);
}

static int
watch(struct roster *roster)
{
	const struct timeval patience = { .tv_sec = READ_TIMEOUT_S };

	roster->event = event_new(roster->worker->loop.base, roster->socket, EV_WRITE | EV_PERSIST,
		on_writable, roster);
	return roster->event != NULL ? event_add(roster->event, &patience) : -1;
}

static size_t
count_rosters(const struct worker *worker)
{
	const struct roster *roster;
	size_t count = 0;

	LIST_FOREACH (roster, &worker->rosters, entry) {
		count++;
	}
	return count;
}

/* A single row goes at once: whoever lists connections and does not read keeps none alive. */
static void
kill_at_once(struct worker *worker, int socket, uint64_t id)
{
	struct control_row row;
	struct roster roster = { .worker = worker, .socket = socket, .rows = &row };

	kill_one(&roster, id);
	if (send_packet(&roster) != 0)
		log_debug("who has a connection closed does not hear of it",
			log_id("connection", id));
	close(socket);
}

static void
start_list(struct worker *worker, int socket)
{
	struct roster *roster = NULL;

	if (count_rosters(worker) < ROSTERS_MAX)
		roster = calloc(1, sizeof(*roster));
	if (roster == NULL) {
		close(socket);
		return;
	}
	*roster = (struct roster){ .worker = worker, .socket = socket };
	LIST_INSERT_HEAD(&worker->rosters, roster, entry);
	if (list_all(roster) != 0 || watch(roster) != 0)
		end(roster);
}

void
rosters_add(struct worker *worker, int socket, uint64_t kill)
{
	if (socket < 0)
		return;
	if (kill != 0)
		kill_at_once(worker, socket, kill);
	else
		start_list(worker, socket);
}

void
rosters_close(struct worker *worker)
{
	struct roster *roster;

	while ((roster = LIST_FIRST(&worker->rosters)) != NULL)
		end(roster);
}
