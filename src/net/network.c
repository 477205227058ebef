#include <config.h>

#include "net/network.h"

#include <stdlib.h>

#include "net/connection.h"

struct network *
network_open(struct loop *loop, struct segment *segment, unsigned index,
	const struct connection_ops *ops, struct error *error)
{
	struct network *network = calloc(1, sizeof(*network));

	if (network == NULL) {
		error_errno(error, "cannot make the buffers of the network");
		return NULL;
	}
	network->loop = loop;
	network->segment = segment;
	network->ops = ops;
	STAILQ_INIT(&network->closed);
	ids_start(&network->ids, segment, index);
	if (connections_open(&network->connections) != 0) {
		error_errno(error, "cannot make the table of connections");
		network_close(&network);
	} else if (deadlines_open(&network->deadlines, loop, connection_expired, error) != 0)
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
	connections_close(&(*network)->connections);
	free((*network)->scratch);
	free(*network);
	*network = NULL;
}

void
network_sweep(struct network *network)
{
	struct connection_list closed = STAILQ_HEAD_INITIALIZER(closed);
	struct connection *connection;

	STAILQ_CONCAT(&closed, &network->closed);
	while ((connection = STAILQ_FIRST(&closed)) != NULL) {
		STAILQ_REMOVE_HEAD(&closed, entry);
		if (!network->ops->closed(connection, connection->reason))
			STAILQ_INSERT_TAIL(&network->closed, connection, entry);
	}
}

bool
network_may_log_refusal(struct network *network, enum refusal refusal)
{
	return log_limit_pass(&network->refusal_limits[refusal], loop_now(network->loop),
		"connection refused", refusal_text(refusal));
}

void
network_report_held(struct network *network)
{
	int64_t now_ms = loop_now(network->loop);

	for (size_t i = 0; i < REFUSAL__COUNT; i++)
		log_limit_report(&network->refusal_limits[i], now_ms);
	log_limit_report(&network->protocol_limit, now_ms);
	log_limit_report(&network->too_big_limit, now_ms);
	log_limit_report(&network->accept_limit, now_ms);
}
