#include <config.h>

#include "net/move.h"

#include <sys/param.h>

#include "net/age.h"
#include "net/flow.h"
#include "net/output.h"
#include "net/transport.h"
#include "process/connection_fields.h"

bool
move_is_possible(struct connection *connection, bool busy)
{
	if (connection->state != CONNECTION_OPEN || connection->failed)
		return false;
	if (connection->held == 0 && !busy)
		return true;
	flow_pause(connection, PAUSE_MOVE);
	connection_settle(connection);
	return false;
}

void
move_prepare(struct connection *connection)
{
	connections_mark_closed(&connection->network->connections, connection);
}

/* Due times are told as what is left of them: the clock of another process may be another. */
static uint64_t
time_left(const struct connection *connection, int64_t due_ms)
{
	return (uint64_t)MAX(due_ms - loop_now(connection->network->loop), 0);
}

static uint64_t
read_time_left(const struct connection *connection)
{
	return connection->paused != 0 ? (uint64_t)MAX(connection->read_due_ms, 0)
				       : time_left(connection, connection->read_due_ms);
}

/* One that is not empty. */
static void
save_buffer(const struct buffer *buffer, struct record *record, unsigned tag)
{
	record_put(record, tag, true, buffer_span(buffer).data, buffer->size);
}

static void
save(const struct connection *connection, struct record *record)
{
	const int64_t quiet_ms = loop_now(connection->network->loop) - connection->active_ms;

	if (connection->in.size > 0)
		save_buffer(&connection->in, record, FIELD_INPUT);
	if (connection->begun)
		record_put_number(record, FIELD_READ_LEFT_MS, false, read_time_left(connection));
	if (connection->out.size > 0) {
		save_buffer(&connection->out, record, FIELD_OUTPUT);
		record_put_number(record, FIELD_WRITE_LEFT_MS, false,
			time_left(connection, connection->write_due_ms));
	}
	record_put_number(record, FIELD_QUIET_MS, false, (uint64_t)MAX(quiet_ms, 0));
	if (connection->idle_timeout_ms != connection->limits->idle_timeout_ms)
		record_put_number(
			record, FIELD_IDLE_TIMEOUT_MS, false, connection->idle_timeout_ms);
	if (connection->asked)
		record_put_number(record, FIELD_ASKED, false, 1);
	record_put_number(record, FIELD_AGE_MS, false, (uint64_t)age_ms(connection));
	if (!connection->heard)
		record_put_number(record, FIELD_SILENT_MS, false,
			(uint64_t)MAX(age_silent_ms(connection), 0));
}

void
move_begin(struct connection *connection, struct record *record)
{
	connection_let_go(connection);
	save(connection, record);
}

void
move_end(struct connection *connection)
{
	connection_close(connection, CLOSE_MOVED);
}

void
move_undo(struct connection *connection)
{
	if (connection->state == CONNECTION_MOVING)
		connection->state = CONNECTION_OPEN;
	if (connection->state != CONNECTION_OPEN)
		return;
	connections_mark_open(&connection->network->connections, connection);
	flow_unpause(connection, PAUSE_MOVE);
	flow_resume(connection);
	connection_settle(connection);
}

static int
restore_buffer(struct buffer *buffer, const struct record_field *field)
{
	return field->size > 0 ? buffer_append(buffer, field->data, field->size) : 0;
}

/* How long something has lasted by now. */
static int64_t
lasted(const struct connection *connection, const struct record_field *field)
{
	const int64_t now_ms = loop_now(connection->network->loop);

	return (int64_t)MIN(record_number(field, 0), (uint64_t)now_ms);
}

static void
restore_times(struct connection *connection, const struct record_field *fields)
{
	const struct config_service *limits = connection->limits;
	const int64_t now_ms = loop_now(connection->network->loop);

	connection->active_ms = now_ms - lasted(connection, &fields[FIELD_QUIET_MS]);
	connection->begun = fields[FIELD_READ_LEFT_MS].data != NULL && connection->in.size > 0;
	connection->heard = fields[FIELD_SILENT_MS].data == NULL;
	age_set(connection, lasted(connection, &fields[FIELD_AGE_MS]),
		lasted(connection, &fields[FIELD_SILENT_MS]));
	if (connection->heard)
		connection->read_due_ms = now_ms +
			(int64_t)MIN(record_number(&fields[FIELD_READ_LEFT_MS], 0),
				(uint64_t)limits->read_timeout_ms);
	connection->write_due_ms = now_ms +
		(int64_t)MIN(record_number(&fields[FIELD_WRITE_LEFT_MS], 0),
			(uint64_t)limits->write_timeout_ms);
	if (fields[FIELD_IDLE_TIMEOUT_MS].data != NULL)
		connection_set_idle_timeout(connection,
			(int64_t)MIN(record_number(&fields[FIELD_IDLE_TIMEOUT_MS], 0), UINT32_MAX));
	connection->asked = record_number(&fields[FIELD_ASKED], 0) == 1;
}

int
move_restore(struct connection *connection, struct network *network, int fd,
	struct admission_place place, const struct config_service *limits, uint64_t id,
	const struct record_field *fields)
{
	if (restore_buffer(&connection->in, &fields[FIELD_INPUT]) != 0)
		return -1;
	if (restore_buffer(&connection->out, &fields[FIELD_OUTPUT]) != 0) {
		buffer_drop(&connection->in, connection->in.size);
		return -1;
	}
	connection_adopt(connection, network, fd, place, limits, id);
	restore_times(connection, fields);
	if (connection->out.size >= (size_t)limits->max_output)
		flow_pause(connection, PAUSE_OUTPUT);
	return 0;
}

void
move_arrived(struct connection *connection)
{
	connection->untaken = (uint32_t)transport_untaken(connection->fd);
	output_resume(connection);
	flow_resume(connection);
	connection_settle(connection);
}
