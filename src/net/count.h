/* Counting what happens on connections: see segment/counters.h. */
#ifndef NET_COUNT_H
#define NET_COUNT_H

#include "net/connection.h"
#include "segment/counters.h"

/* Adds to a counter of its service. */
static inline void
connection_count(const struct connection *connection, unsigned counter, uint64_t n)
{
	counters_add(connection->network->segment, connection->place.service, counter, n);
}

#endif
