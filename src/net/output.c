#include <config.h>

#include "net/count.h"
#include "net/output.h"

#include <errno.h>
#include <string.h>

#include "net/flow.h"
#include "net/transport.h"

static void
progress(struct connection *connection)
{
	connection->untaken = (uint32_t)transport_untaken(connection->fd);
	connection->write_due_ms =
		loop_now(connection->network->loop) + connection->limits->write_timeout_ms;
}

/* Puts bytes behind what the kernel has not taken; past max_output the client is not read. */
static void
queue(struct connection *connection, const void *data, size_t size)
{
	if (connection->out.size == 0)
		progress(connection);
	if (buffer_append(&connection->out, data, size) != 0)
		connection->failed = true;
	if (connection->out.size >= (size_t)connection->limits->max_output)
		flow_pause(connection, PAUSE_OUTPUT);
}

static void
gather_reset(struct gather *gather)
{
	gather->owner = NULL;
	gather->count = 0;
	gather->lent = 0;
	gather->copied = 0;
	gather->sealed = 0;
}

static size_t
gather_size(const struct gather *gather)
{
	return gather->lent + gather->copied;
}

void
output_flush_gathered(struct network *network)
{
	struct connection *owner = network->gather.owner;

	if (owner == NULL)
		return;
	output_flush(owner);
	connection_settle(owner);
}

/* The gather belongs to one connection at a time: what another left in it goes out first. */
static struct gather *
gather_for(struct connection *connection)
{
	struct network *network = connection->network;

	if (unlikely(network->gather.owner != connection))
		output_flush_gathered(network);
	network->gather.owner = connection;
	return &network->gather;
}

/* For COPIED bytes, and for parts: of copies before, of what is lent now, and of copies behind. */
static bool
has_room(const struct gather *gather, size_t copied)
{
	return gather->count + 3 <= NETWORK_GATHER_PARTS &&
		copied <= NETWORK_GATHER_COPY - gather->copied;
}

static void
add_part(struct gather *gather, const void *data, size_t size)
{
	struct iovec *last = gather->count > 0 ? &gather->parts[gather->count - 1] : NULL;

	if (last != NULL && (char *)last->iov_base + last->iov_len == data)
		last->iov_len += size;
	else
		gather->parts[gather->count++] = (struct iovec){ (void *)(uintptr_t)data, size };
}

/* What was copied becomes a part. */
static void
seal(struct gather *gather)
{
	if (gather->copied > gather->sealed)
		add_part(gather, gather->copy + gather->sealed, gather->copied - gather->sealed);
	gather->sealed = gather->copied;
}

static void
add_lent(struct gather *gather, const void *data, size_t size)
{
	seal(gather);
	gather->lent += size;
	add_part(gather, data, size);
}

static void
add_copy(struct gather *gather, const void *data, size_t size)
{
	memcpy(gather->copy + gather->copied, data, size);
	gather->copied += size;
}

/* Whether output can go through the gather, after it was made to fit: else it must be queued. */
static bool
can_gather(struct connection *connection, struct gather *gather, size_t copied)
{
	if (connection->out.size == 0 && !has_room(gather, copied))
		output_flush(connection);
	return connection->out.size == 0;
}

void
output_send_copy(struct connection *connection, const void *data, size_t size)
{
	struct gather *gather;

	if (!output_is_taken(connection) || size == 0)
		return;
	gather = gather_for(connection);
	if (size > NETWORK_GATHER_COPY) {
		output_send_lent(connection, data, size);
		output_flush(connection);
	} else if (!can_gather(connection, gather, size)) {
		queue(connection, data, size);
	} else if (output_is_taken(connection)) {
		gather->owner = connection;
		add_copy(gather, data, size);
	}
}

void
output_send_lent(struct connection *connection, const void *data, size_t size)
{
	struct gather *gather;

	if (size <= OUTPUT_COPY_MAX) {
		output_send_copy(connection, data, size);
		return;
	}
	if (!output_is_taken(connection))
		return;
	gather = gather_for(connection);
	if (!can_gather(connection, gather, 0)) {
		queue(connection, data, size);
	} else if (output_is_taken(connection)) {
		gather->owner = connection;
		add_lent(gather, data, size);
	}
}

/* Queues the gathered bytes but for the first TAKEN, which the kernel has. */
static void
queue_rest(struct connection *connection, const struct gather *gather, size_t taken)
{
	if (buffer_reserve(&connection->out, gather_size(gather) - taken) != 0)
		connection->failed = true;
	for (int i = 0; i < gather->count && !connection->failed; i++) {
		const struct iovec *part = &gather->parts[i];

		if (taken >= part->iov_len) {
			taken -= part->iov_len;
			continue;
		}
		queue(connection, (const char *)part->iov_base + taken, part->iov_len - taken);
		taken = 0;
	}
}

static bool
is_temporary(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

void
output_flush(struct connection *connection)
{
	struct gather *gather = &connection->network->gather;
	ssize_t taken = 0;

	if (gather->owner != connection)
		return;
	seal(gather);
	if (connection->out.size == 0 && gather->count > 0)
		taken = transport_write(connection->fd, gather->parts, gather->count);
	if (unlikely(taken < 0 && !is_temporary(errno)))
		connection_close(connection, CLOSE_RESET);
	else if (unlikely(taken < (ssize_t)gather_size(gather)))
		queue_rest(connection, gather, taken > 0 ? (size_t)taken : 0);
	if (likely(taken > 0)) {
		connection_count(connection, COUNTER_SENT, (uint64_t)taken);
		connection_show_activity(connection);
	}
	gather_reset(gather);
}

void
output_resume(struct connection *connection)
{
	const struct buffer *out = &connection->out;
	struct iovec part;
	ssize_t taken;

	if (out->size == 0)
		return;
	part = (struct iovec){ out->data + out->start, out->size };
	taken = transport_write(connection->fd, &part, 1);
	if (taken < 0 && !is_temporary(errno))
		connection_close(connection, CLOSE_RESET);
	if (taken <= 0)
		return;
	buffer_drop(&connection->out, (size_t)taken);
	connection_count(connection, COUNTER_SENT, (uint64_t)taken);
	progress(connection);
	connection_show_activity(connection);
	if (connection->out.size <= (size_t)connection->limits->max_output / 2)
		flow_unpause(connection, PAUSE_OUTPUT);
}

bool
output_is_stuck(struct connection *connection)
{
	size_t before = connection->untaken;

	if (transport_untaken(connection->fd) >= before)
		return true;
	progress(connection);
	return false;
}

void
output_discard(struct connection *connection)
{
	struct gather *gather = &connection->network->gather;

	if (gather->owner == connection)
		gather_reset(gather);
	buffer_drop(&connection->out, connection->out.size);
}
