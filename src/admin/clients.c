#include <config.h>

#include "admin/clients.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/bufferevent.h>

#include "base/clock.h"

enum {
	TIME_MS = 15000,   /* a client's, in all */
	LOOK_S = 1,        /* between two looks at how old they are */
	INPUT_MAX = 16384, /* bytes that are read ahead: evhttp reads on while it cannot write */
};

struct client {
	TAILQ_ENTRY(client) entry;
	struct bufferevent *stream; /* referred to here, too: it stays when evhttp has ended it */
	int64_t due_ms;
};

/* One that is freed elsewhere has no callbacks any more. evhttp has closed its socket. */
static bool
is_over(const struct client *client)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(client->stream, NULL, NULL, &on_event, NULL);
	return on_event == NULL;
}

static void
forget(struct clients *clients, struct client *client)
{
	TAILQ_REMOVE(&clients->list, client, entry);
	bufferevent_decref(client->stream);
	free(client);
}

static void
forget_ended(struct clients *clients)
{
	struct client *client, *next;

	TAILQ_FOREACH_SAFE (client, &clients->list, entry, next) {
		if (is_over(client))
			forget(clients, client);
	}
}

/* evhttp notices, and ends it. */
static void
on_tick(evutil_socket_t fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct clients *clients = arg;
	struct client *client;

	forget_ended(clients);
	TAILQ_FOREACH (client, &clients->list, entry) {
		if (client->due_ms > clock_monotonic_ms())
			break;
		shutdown(bufferevent_getfd(client->stream), SHUT_RDWR);
	}
}

int
clients_open(struct clients *clients, struct event_base *base)
{
	const struct timeval interval = { .tv_sec = LOOK_S };

	TAILQ_INIT(&clients->list);
	clients->tick = event_new(base, -1, EV_PERSIST, on_tick, clients);
	return clients->tick != NULL ? event_add(clients->tick, &interval) : -1;
}

void
clients_close(struct clients *clients)
{
	struct client *client;

	while ((client = TAILQ_FIRST(&clients->list)) != NULL)
		forget(clients, client);
	if (clients->tick != NULL)
		event_free(clients->tick);
}

/* The socket stays evhttp's to close: its number may be another one's before this hears of it. */
struct bufferevent *
clients_add(struct clients *clients, struct event_base *base)
{
	struct client *client;
	struct bufferevent *stream;

	forget_ended(clients);
	client = calloc(1, sizeof(*client));
	stream = client != NULL ? bufferevent_socket_new(base, -1, 0) : NULL;
	if (stream == NULL) {
		free(client);
		return NULL;
	}
	bufferevent_setwatermark(stream, EV_READ, 0, INPUT_MAX);
	bufferevent_incref(stream);
	client->stream = stream;
	client->due_ms = clock_monotonic_ms() + TIME_MS;
	TAILQ_INSERT_TAIL(&clients->list, client, entry);
	return stream;
}
