#include <config.h>

#include "net/connections.h"

#include <stdlib.h>

#include "net/connection.h"

enum {
	CHAINS_MIN = 64,
};

/* Ids of one worker count up in their low bits, which spread evenly by themselves. */
static struct connection_chain *
chain_of(const struct connections *connections, uint64_t id)
{
	return &connections->chains[id & connections->mask];
}

int
connections_open(struct connections *connections)
{
	*connections = (struct connections){ .mask = CHAINS_MIN - 1 };
	connections->chains = calloc(CHAINS_MIN, sizeof(connections->chains[0]));
	if (connections->chains == NULL)
		return -1;
	pthread_mutex_init(&connections->lock, NULL);
	return 0;
}

void
connections_close(struct connections *connections)
{
	if (connections->chains == NULL)
		return;
	free(connections->chains);
	connections->chains = NULL;
	pthread_mutex_destroy(&connections->lock);
}

/* Without memory for more chains, longer ones do. */
static void
grow(struct connections *connections)
{
	struct connections larger = { .mask = connections->mask * 2 + 1 };
	struct connection *connection;

	larger.chains = calloc(larger.mask + 1, sizeof(larger.chains[0]));
	if (larger.chains == NULL)
		return;
	for (size_t i = 0; i <= connections->mask; i++) {
		struct connection_chain *chain = &connections->chains[i];

		while ((connection = SLIST_FIRST(chain)) != NULL) {
			SLIST_REMOVE_HEAD(chain, chain_entry);
			SLIST_INSERT_HEAD(
				chain_of(&larger, connection->id), connection, chain_entry);
		}
	}
	free(connections->chains);
	connections->chains = larger.chains;
	connections->mask = larger.mask;
}

void
connections_add(struct connections *connections, struct connection *connection)
{
	pthread_mutex_lock(&connections->lock);
	if (++connections->count > connections->mask + 1)
		grow(connections);
	connection->listed = true;
	SLIST_INSERT_HEAD(chain_of(connections, connection->id), connection, chain_entry);
	pthread_mutex_unlock(&connections->lock);
}

static void
set_listed(struct connections *connections, struct connection *connection, bool listed)
{
	pthread_mutex_lock(&connections->lock);
	connection->listed = listed;
	pthread_mutex_unlock(&connections->lock);
}

void
connections_mark_open(struct connections *connections, struct connection *connection)
{
	set_listed(connections, connection, true);
}

void
connections_mark_closed(struct connections *connections, struct connection *connection)
{
	set_listed(connections, connection, false);
}

void
connections_remove(struct connections *connections, struct connection *connection)
{
	pthread_mutex_lock(&connections->lock);
	connections->count--;
	SLIST_REMOVE(chain_of(connections, connection->id), connection, connection, chain_entry);
	pthread_mutex_unlock(&connections->lock);
}

struct connection *
connections_find(const struct connections *connections, uint64_t id)
{
	struct connection *connection;

	SLIST_FOREACH (connection, chain_of(connections, id), chain_entry) {
		if (connection->id == id)
			break;
	}
	return connection;
}

bool
connections_if_open(struct connections *connections, uint64_t id,
	const struct config_service *limits, void (*then)(void *arg), void *arg)
{
	const struct connection *connection;
	bool open;

	pthread_mutex_lock(&connections->lock);
	connection = connections_find(connections, id);
	open = connection != NULL && connection->listed && connection->limits == limits;
	if (open)
		then(arg);
	pthread_mutex_unlock(&connections->lock);
	return open;
}

static void
do_nothing(void *arg PF_UNUSED)
{
}

bool
connections_has_open(
	struct connections *connections, uint64_t id, const struct config_service *limits)
{
	return connections_if_open(connections, id, limits, do_nothing, NULL);
}

void
connections_visit(struct connections *connections,
	void (*visit)(struct connection *connection, void *arg), void *arg)
{
	struct connection *connection;

	for (size_t i = 0; i <= connections->mask; i++) {
		SLIST_FOREACH (connection, &connections->chains[i], chain_entry)
			visit(connection, arg);
	}
}
