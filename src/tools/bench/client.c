#include <config.h>

#include "tools/bench/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "tools/lib/connect.h"

enum {
	DISCARD_MIN =
		16 * 1024,   /* bytes of a reply from which a second call costs less than a copy */
	DISCARD_HEAD = 2048, /* of it that are received: a length and what may stand before it */
};

static_assert(
	(int)DISCARD_HEAD > (int)WIRE_OFFSET_MAX + (int)WIRE_FIELD_MAX, "its length is there");

static bool
is_churn(const struct context *context)
{
	return context->plan->options->churn > 0;
}

/* Closes the socket. Requests in flight are lost. */
static void
close_client(struct client *client, struct context *context)
{
	uint32_t lost = client->flights.requests;

	fd_close(&client->fd);
	client->state = CLIENT_CLOSED;
	client->attempted = true;
	client->waits_to_connect = false;
	client->held_size = 0;
	if (lost == 0)
		return;
	flights_clear(&client->flights);
	context->in_flight -= lost;
	context->finished += lost;
	context->tally->lost += lost;
}

/* The connection has failed in the way of ERROR. If it has been of use, the next one follows. */
static void
fail(struct client *client, struct context *context, enum board_error error)
{
	bool useful = client->answered > 0;

	context_count_error(context, error);
	close_client(client, context);
	if (useful && client_is_wanted(client, context))
		client_connect(client, context);
}

static void
connect_failed(struct client *client, struct context *context, int failed)
{
	context->tally->connect_errno = failed;
	context_count_error(context, BOARD_CONNECT);
	close_client(client, context);
	if (context->running && !client->idle) { /* with a number of requests, it may be the last */
		context->budget--;
		context->finished++;
	}
}

/* The connection has come about. */
static void
opened(struct client *client, struct context *context)
{
	int64_t now_ns = clock_monotonic_ns();
	bool measured = !is_churn(context) || context_measures(context, now_ns);

	client->state = CLIENT_OPEN;
	client->attempted = true;
	context->tally->opened++;
	if (measured) {
		context->tally->connects++;
		histogram_add(&context->tally->connect_latency, now_ns - client->since_ns, 1);
	}
	client->since_ns = now_ns;
	client_send(client, context, now_ns);
}

/* A unix socket wakes its writer with each read of the peer: it is asked for when it is full. */
static int
watch(const struct client *client, const struct context *context, int operation, bool writing)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLRDHUP | EPOLLET | (writing ? EPOLLOUT : 0U),
		.data.ptr = (void *)(uintptr_t)client,
	};

	return epoll_ctl(context->epoll_fd, operation, client->fd, &event);
}

static void
reset(struct client *client)
{
	if (!client->waits_to_connect)
		client->since_ns = clock_monotonic_ns();
	client->waits_to_connect = false;
	client->sent = client->answered = 0;
	client->waits_to_send = false;
	client->requests = (struct requests){ 0 };
	client->replies = (struct replies){ 0 };
}

/* A unix socket's backlog is full, connect(2): nobody tells when it has room again. */
static void
wait_to_connect(struct client *client)
{
	fd_close(&client->fd);
	client->state = CLIENT_CLOSED;
	client->waits_to_connect = true;
}

void
client_connect(struct client *client, struct context *context)
{
	bool is_unix = address_is_unix(client->address);
	int result;

	reset(client);
	client->fd = connect_socket(client->address, client->source);
	if (client->fd < 0) {
		connect_failed(client, context, errno);
		return;
	}
	client->state = CLIENT_CONNECTING;
	result = connect(client->fd, &client->address->sa, client->address->size);
	if (result != 0 && errno == EAGAIN && is_unix)
		wait_to_connect(client);
	else if (result != 0 && errno != EINPROGRESS)
		connect_failed(client, context, errno);
	else if (watch(client, context, EPOLL_CTL_ADD, !is_unix) != 0)
		connect_failed(client, context, errno);
	else if (result == 0)
		opened(client, context);
}

/* How many more requests may be in flight. */
static uint32_t
allowance(const struct client *client, const struct context *context)
{
	uint64_t most = context->plan->pipeline - client->flights.requests;

	if (context->budget < (int64_t)most)
		most = context->budget > 0 ? (uint64_t)context->budget : 0;
	if (is_churn(context))
		most = MIN(most, context->plan->options->churn - client->sent);
	return (uint32_t)most;
}

/* Begins what was due: its latency counts from when it was. */
static uint32_t
begin_due(struct client *client, const struct context *context)
{
	uint32_t most = allowance(client, context), begun = 0;

	while (begun < most && client->begun < client->due) {
		int64_t due_ns = context_due_ns(context, client->begun, client->number);

		flights_add(&client->flights, due_ns, 1);
		client->begun++;
		begun++;
	}
	return begun;
}

/* Begins all that may be: its latency counts from now on. */
static uint32_t
begin_now(struct client *client, const struct context *context, int64_t now_ns)
{
	uint32_t begun = allowance(client, context);

	if (begun > 0)
		flights_add(&client->flights, now_ns, begun);
	return begun;
}

static void
begin_requests(struct client *client, struct context *context, int64_t now_ns)
{
	bool was_idle = client->flights.requests == 0;
	uint32_t begun;

	if (client->idle || !context->running || context->ending)
		return;
	begun = context_is_open_loop(context) ? begin_due(client, context)
					      : begin_now(client, context, now_ns);
	client->sent += begun;
	client->requests.count += begun;
	context->in_flight += begun;
	context->budget -= begun;
	if (was_idle && begun > 0)
		client->since_ns = now_ns;
}

static enum board_error
error_of(int failed)
{
	return failed == ETIMEDOUT ? BOARD_TIMEOUT : BOARD_RESET;
}

void
client_send(struct client *client, struct context *context, int64_t now_ns)
{
	ssize_t sent;

	if (client->state != CLIENT_OPEN)
		return;
	begin_requests(client, context, now_ns);
	if (client->requests.count == 0 || client->waits_to_send)
		return;
	sent = requests_send(&client->requests, &context->plan->payload, client->fd);
	if (sent > 0 && context_measures(context, now_ns))
		context->tally->bytes_out += (uint64_t)sent;
	if (client->requests.count == 0)
		return;
	if (sent >= 0 || errno == EAGAIN) {
		client->waits_to_send = true;
		if (address_is_unix(client->address) &&
			watch(client, context, EPOLL_CTL_MOD, true) != 0)
			fail(client, context, BOARD_RESET);
	} else if (errno != EPIPE && errno != ECONNRESET) {
		fail(client, context, error_of(errno));
	} /* else what has come before is still to be read */
}

/* Counts GOOD replies that have come by NOW_NS, of those in flight. */
static void
take_good(struct client *client, struct context *context, uint32_t good, int64_t now_ns)
{
	client->answered += good;
	context->in_flight -= good;
	context_count_watched(context, good);
	while (good > 0) {
		struct flight flight = flights_take(&client->flights, good);

		good -= flight.requests;
		context_count_replies(context, now_ns, now_ns - flight.since_ns, flight.requests);
	}
}

/* A reply is bad, the next may be good. */
static void
take_bad(struct client *client, struct context *context, enum board_error error)
{
	flights_take(&client->flights, 1);
	client->answered++;
	context->in_flight--;
	context->finished++;
	context_count_error(context, error);
}

/* Takes all replies of INPUT. Returns 0, or -1 if it is something else. */
static int
take_replies(struct client *client, struct context *context, struct span *input, int64_t now_ns)
{
	enum replies_status status;
	uint32_t good;

	do {
		status = replies_take(&client->replies, &context->plan->rules, input,
			client->flights.requests, &good);
		take_good(client, context, good, now_ns);
		if (status == REPLIES_LENGTH)
			take_bad(client, context, BOARD_LENGTH);
		if (status == REPLIES_CONTENT)
			take_bad(client, context, BOARD_CONTENT);
	} while (status == REPLIES_LENGTH || status == REPLIES_CONTENT);
	return status == REPLIES_MORE ? 0 : -1;
}

/* Keeps the start of a reply that has no end yet. Returns 0, or -1 with errno. */
static int
hold(struct client *client, struct span rest)
{
	if (rest.size > client->held_room) {
		char *grown = realloc(client->held, rest.size);

		if (grown == NULL)
			return -1;
		client->held = grown;
		client->held_room = rest.size;
	}
	if (rest.size > 0)
		memcpy(client->held, rest.data, rest.size);
	client->held_size = rest.size;
	return 0;
}

/* Takes what has come: SIZE bytes of the buffer. Returns 0, or -1 when the connection has ended. */
static int
take_input(struct client *client, struct context *context, size_t size)
{
	struct span input = { context->buffer, client->held_size + size };
	int64_t now_ns = clock_monotonic_ns();

	if (context_measures(context, now_ns))
		context->tally->bytes_in += size;
	client->since_ns = now_ns;
	if (take_replies(client, context, &input, now_ns) != 0) {
		fail(client, context, BOARD_FRAME);
		return -1;
	}
	if (hold(client, input) != 0) {
		fail(client, context, BOARD_RESET);
		return -1;
	}
	return 0;
}

/* Whether the bytes of replies need not be seen. */
static bool
may_discard(const struct client *client, const struct context *context)
{
	return context->plan->rules.check != REPLIES_CHECK_CONTENT &&
		!address_is_unix(client->address);
}

/*
 * Receives once, behind what is held. The kernel drops the rest of a large reply instead of copying
 * it, if only its length is checked, MSG_TRUNC of tcp(7); to leave it something to drop, no more is
 * received before than the length needs. Sets ROOM to what could have come, and returns as recv(2)
 * does.
 */
static ssize_t
receive(const struct client *client, const struct context *context, size_t *room)
{
	size_t next = payload_frame(&context->plan->payload, client->replies.next).size;
	char *at = context->buffer + client->held_size;

	*room = context->buffer_size - client->held_size;
	if (!may_discard(client, context))
		return recv(client->fd, at, *room, 0);
	if (client->replies.skip > 0) {
		*room = client->replies.skip;
		return recv(client->fd, NULL, *room, MSG_TRUNC);
	}
	if (next >= DISCARD_MIN)
		*room = DISCARD_HEAD;
	return recv(client->fd, at, *room, 0);
}

/* Reads once. Returns whether there may be more that is to be read now. */
static bool
read_once(struct client *client, struct context *context, bool ended)
{
	ssize_t got;
	size_t room;

	if (client->held_size > 0)
		memcpy(context->buffer, client->held, client->held_size);
	got = receive(client, context, &room);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (got <= 0) {
		fail(client, context, got == 0 ? BOARD_EOF : error_of(errno));
		return false;
	}
	if (take_input(client, context, (size_t)got) != 0)
		return false;
	return ended || ((size_t)got == room && client->flights.requests > 0);
}

/* The connection that has had its requests ends, and the next one comes. */
static bool
has_lived(const struct client *client, const struct context *context)
{
	return is_churn(context) && !client->idle &&
		client->answered == context->plan->options->churn;
}

static void
connection_event(struct client *client, struct context *context, uint32_t events)
{
	socklen_t size = sizeof(int);
	int failed = 0;

	if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &failed, &size);
	if (failed != 0)
		connect_failed(client, context, failed);
	else if ((events & EPOLLOUT) != 0)
		opened(client, context);
}

void
client_event(struct client *client, struct context *context, uint32_t events)
{
	bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;

	if (client->state == CLIENT_CONNECTING)
		connection_event(client, context, events);
	if (client->state != CLIENT_OPEN)
		return;
	if ((events & EPOLLOUT) != 0)
		client->waits_to_send = false;
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		while (!has_lived(client, context) && read_once(client, context, ended))
			;
	if (client->state == CLIENT_OPEN && has_lived(client, context)) {
		close_client(client, context);
		if (client_is_wanted(client, context))
			client_connect(client, context);
		return;
	}
	client_send(client, context, client->since_ns);
}

bool
client_is_wanted(const struct client *client, const struct context *context)
{
	if (client->state != CLIENT_CLOSED || context->ending)
		return false;
	if (client->waits_to_connect)
		return true;
	if (client->idle || !context->running || context->budget <= 0)
		return false;
	return !is_churn(context) || !context_is_open_loop(context) || client->begun < client->due;
}

void
client_make_due(struct client *client, struct context *context, int64_t now_ns)
{
	client->due++;
	if (is_churn(context) && client->attempted && client_is_wanted(client, context))
		client_connect(client, context);
	else
		client_send(client, context, now_ns);
}

void
client_expire(struct client *client, struct context *context, int64_t now_ns)
{
	int64_t timeout_ns = context->plan->options->timeout_ms * CLOCK_NS_PER_MS;

	if (now_ns - client->since_ns < timeout_ns)
		return;
	if (client->state == CLIENT_CONNECTING || client->waits_to_connect)
		connect_failed(client, context, ETIMEDOUT);
	else if (client->flights.requests > 0)
		fail(client, context, BOARD_TIMEOUT);
}

void
client_destroy(struct client *client)
{
	fd_close(&client->fd);
	client->state = CLIENT_CLOSED;
	free(client->held);
	client->held = NULL;
	client->held_size = client->held_room = 0;
}
