/*
 * Input is read into a buffer of the network and decoded there. Only what is no whole message yet
 * moves into a buffer of the connection, and the rest of that message is then read behind it, so
 * that a large one is copied once at most. Either buffer can be taken over by the owner. Memory
 * follows what has come, not what was announced.
 */
#include <config.h>

#include "net/age.h"
#include "net/count.h"
#include "net/input.h"

#include <errno.h>
#include <stdlib.h>

#include "net/flow.h"
#include "net/output.h"
#include "net/transport.h"

enum {
	GROW_MIN = 4096,          /* room for the rest of a message, at least */
	LINGER_MAX = 1024 * 1024, /* bytes thrown away before the close */
	NS_PER_MS = 1000000,
};

/* Bytes of the message begun that are missing; room for them is made as far as seems fair. */
static size_t
reserve_rest(struct connection *connection)
{
	struct buffer *in = &connection->in;
	size_t missing, room = in->size > GROW_MIN ? in->size : GROW_MIN;

	if (in->size == 0 || connection->need <= in->size)
		return 0;
	missing = connection->need - in->size;
	if (missing < room)
		room = missing;
	if (buffer_reserve(in, room) != 0) {
		connection->failed = true;
		return 0;
	}
	room = buffer_tail_room(in);
	return room < missing ? room : missing;
}

char *
input_take_over(struct connection *connection)
{
	struct network *network = connection->network;
	struct buffer *in = &connection->in;
	char *memory;

	if (in->size > 0) {
		memory = in->data;
		*in = (struct buffer){ 0 };
	} else {
		memory = network->scratch;
		network->scratch = NULL;
	}
	return memory;
}

/* Lets the owner take messages from INPUT. Returns what is left of it. */
static struct span
offer(struct connection *connection, struct span input)
{
	size_t used = connection->network->ops->input(connection, input);

	if (used > 0) {
		connection->begun = false;
		connection->taken = true;
	}
	return span_after(input, used);
}

/* Offers what the connection's buffer holds. Returns what is left of it, which it holds then. */
static struct span
offer_own(struct connection *connection)
{
	struct buffer *in = &connection->in;
	const size_t before = in->size;
	struct span left = offer(connection, buffer_span(in));

	output_flush(connection); /* replies may point into the buffer */
	if (likely(in->size > 0))
		buffer_drop(in, before - left.size);
	else if (buffer_append(in, left.data, left.size) != 0) /* it was taken over */
		connection->failed = true;
	return left;
}

/*
 * Offers what the connection's buffer holds. If a message there turns out to be longer than was
 * known when it was read, it gets its rest from FRESH; and if what it got was more than that, the
 * next one begins in FRESH again. Returns what is left of FRESH.
 */
static struct span
offer_buffered(struct connection *connection, struct span fresh)
{
	struct buffer *in = &connection->in;
	size_t copied = 0; /* bytes at the end of the buffer that stand before FRESH, too */

	while (in->size > 0 && flow_is_on(connection) && !connection->failed) {
		struct span left = offer_own(connection);
		size_t missing;

		if (copied > 0 && left.size <= copied) {
			buffer_drop(in, in->size);
			return (struct span){ fresh.data - left.size, fresh.size + left.size };
		}
		if (in->size == 0 || fresh.size == 0 || !flow_is_on(connection))
			break;
		missing = connection->need - in->size;
		if (missing > fresh.size)
			missing = fresh.size;
		if (buffer_append(in, fresh.data, missing) != 0) {
			connection->failed = true;
			break;
		}
		copied += missing;
		fresh = span_after(fresh, missing);
	}
	return fresh;
}

/* What could not be taken waits in the connection's buffer. */
static void
keep(struct connection *connection, struct span left)
{
	if (connection->state != CONNECTION_OPEN)
		return;
	if (buffer_append(&connection->in, left.data, left.size) != 0)
		connection->failed = true;
	if (connection->in.size == 0 || connection->paused != 0 || connection->begun)
		return;
	connection->begun = true;
	connection->read_due_ms =
		loop_now(connection->network->loop) + connection->limits->read_timeout_ms;
}

static void
process(struct connection *connection, struct span fresh)
{
	if (unlikely(connection->in.size > 0))
		fresh = offer_buffered(connection, fresh);
	if (likely(fresh.size > 0 && connection->in.size == 0 && flow_is_on(connection) &&
		    !connection->failed)) /* else what stood before it may be lost */
		fresh = offer(connection, fresh);
	output_flush(connection);
	keep(connection, fresh);
}

/* The client has shut its side: what is left may be a message all the same. */
static void
end(struct connection *connection)
{
	connection->eof = true;
	process(connection, (struct span){ 0 });
	connection_finish(connection, connection->in.size > 0 ? CLOSE_TRUNCATED : CLOSE_CLIENT);
}

static void
receive_failed(struct connection *connection, ssize_t got)
{
	if (got == 0) {
		end(connection);
	} else if (errno != EAGAIN && errno != EINTR) {
		connection_close(connection, CLOSE_RESET);
	}
}

/* In the last step of a drain nothing is read beyond the message that has begun. */
static bool
reads_beyond(const struct connection *connection)
{
	return connection->drain == DRAIN_NOT || connection->drain == DRAIN_READ_ONCE;
}

/* The network's buffer, made anew if an owner took it over. Returns whether there is one. */
static bool
has_scratch(struct connection *connection)
{
	struct network *network = connection->network;

	if (unlikely(network->scratch == NULL))
		network->scratch = malloc(NETWORK_SCRATCH);
	if (unlikely(network->scratch == NULL))
		connection->failed = true;
	return network->scratch != NULL;
}

static void
hear(struct connection *connection)
{
	connection->heard = true;
	counters_time(connection->network->segment, connection->place.service, COUNTER_FIRST_BYTE,
		age_silent_ms(connection) * NS_PER_MS, 1);
}

bool
input_receive(struct connection *connection)
{
	struct network *network = connection->network;
	const bool finishing = connection->drain == DRAIN_FINISH;
	size_t rest = connection->drain != DRAIN_LAST ? reserve_rest(connection) : 0;
	struct iovec parts[2];
	int count = 0;
	ssize_t got;

	if (unlikely(connection->failed || !has_scratch(connection)))
		return false;
	if (rest > 0)
		parts[count++] = (struct iovec){ buffer_tail(&connection->in), rest };
	if (reads_beyond(connection))
		parts[count++] = (struct iovec){ network->scratch, NETWORK_SCRATCH };
	if (connection->drain == DRAIN_READ_ONCE)
		connection->drain = DRAIN_FINISH;
	if (unlikely(count == 0))
		return false;

	got = transport_read(connection->fd, parts, count);
	if (unlikely(got <= 0)) {
		receive_failed(connection, got);
		return false;
	}
	connection_count(connection, COUNTER_RECEIVED, (uint64_t)got);
	if (unlikely(!connection->heard))
		hear(connection);
	if (rest > (size_t)got)
		rest = (size_t)got;
	connection->in.size += (uint32_t)rest;
	connection->taken = false;
	connection->asked = false;
	connection->active_ms = loop_now(network->loop);
	process(connection, (struct span){ network->scratch, (size_t)got - rest });
	/* The end of a line cannot be known beforehand: the begin of the next may have come along.
	 */
	if (unlikely(finishing && connection->taken))
		connection->drain = DRAIN_LAST;
	return true;
}

void
input_resume(struct connection *connection)
{
	process(connection, (struct span){ 0 });
}

void
input_discard(struct connection *connection)
{
	struct network *network = connection->network;
	struct iovec part;
	ssize_t got;

	if (!has_scratch(connection)) {
		connection_close(connection, connection->reason);
		return;
	}
	part = (struct iovec){ network->scratch, NETWORK_SCRATCH };
	got = transport_read(connection->fd, &part, 1);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		connection->lingered += (uint32_t)got;
		if (connection->lingered < LINGER_MAX)
			return;
	}
	connection_close(connection, connection->reason);
}
