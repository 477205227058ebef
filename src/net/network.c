#include <config.h>

#include "net/network.h"

#include <stdlib.h>

#include "net/connection.h"

struct network *
network_open(struct loop *loop, struct segment *segment, unsigned index, struct error *error)
{
	struct network *network = calloc(1, sizeof(*network));

	if (network == NULL) {
		error_errno(error, "cannot make the buffers of the network");
		return NULL;
	}
	network->loop = loop;
	network->segment = segment;
	TAILQ_INIT(&network->open);
	TAILQ_INIT(&network->closed);
	ids_start(&network->ids, segment, index);
	if (deadlines_open(&network->deadlines, loop, connection_expired, error) != 0)
		network_close(&network);
	return network;
}

void
network_close(struct network **network)
{
	if (*network == NULL)
		return;
	network_sweep(*network);
	deadlines_close(&(*network)->deadlines);
	free(*network);
	*network = NULL;
}

void
network_sweep(struct network *network)
{
	struct connection *connection, *next;

	TAILQ_FOREACH_SAFE (connection, &network->closed, entry, next) {
		if (connection->held > 0)
			continue;
		TAILQ_REMOVE(&network->closed, connection, entry);
		buffer_drop(&connection->in, connection->in.size);
		connection->ops->closed(connection, connection->reason);
	}
}

void
network_report_held(struct network *network)
{
	int64_t now_ms = loop_now(network->loop);

	log_limit_report(&network->refused_limit, now_ms);
	log_limit_report(&network->protocol_limit, now_ms);
	log_limit_report(&network->accept_limit, now_ms);
}
