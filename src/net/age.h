/*
 * How old a connection is, and how long its client has been silent at first; both go along when it
 * moves. Until something has come, no message has begun, and `read_due_ms` is when it was accepted:
 * as with read_timeout, the time in which it is not read does not count.
 */
#ifndef NET_AGE_H
#define NET_AGE_H

#include "net/connection.h"

enum {
	AGE_STEP_MS = 16, /* a word has to do for the age: so it lasts for two years */
};

/* It is MS old, and nothing has come for SILENT_MS. */
static inline void
age_set(struct connection *connection, int64_t ms, int64_t silent_ms)
{
	const int64_t now_ms = loop_now(connection->network->loop);

	connection->opened = (uint32_t)((now_ms - ms) / AGE_STEP_MS);
	connection->read_due_ms = now_ms - silent_ms;
}

static inline int64_t
age_ms(const struct connection *connection)
{
	const int64_t now_ms = loop_now(connection->network->loop);

	return (int64_t)AGE_STEP_MS * ((uint32_t)(now_ms / AGE_STEP_MS) - connection->opened);
}

/* As long as it is not heard. */
static inline int64_t
age_silent_ms(const struct connection *connection)
{
	return connection->paused != 0
		? -connection->read_due_ms
		: loop_now(connection->network->loop) - connection->read_due_ms;
}

#endif
