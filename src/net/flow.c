#include <config.h>

#include "net/flow.h"

#include "net/input.h"

/* read_timeout stands still meanwhile. */
void
flow_pause(struct connection *connection, unsigned why)
{
	if (connection->paused == 0)
		connection->read_due_ms -= loop_now(connection->network->loop);
	connection->paused |= (uint8_t)why;
}

void
flow_unpause(struct connection *connection, unsigned why)
{
	if (connection->paused == 0)
		return;
	connection->paused &= (uint8_t)~why;
	if (connection->paused != 0)
		return;
	connection->pressed = false;
	connection->read_due_ms += loop_now(connection->network->loop);
}

void
flow_resume(struct connection *connection)
{
	if (flow_is_on(connection))
		input_resume(connection);
	if (flow_is_on(connection) && connection->drain == DRAIN_READ_ONCE)
		input_receive(connection);
}
