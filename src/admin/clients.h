/*
 * The clients of HTTP, each of which has so much time in all, however busy it is: evhttp only ends
 * those that do nothing.
 */
#ifndef ADMIN_CLIENTS_H
#define ADMIN_CLIENTS_H

#include <sys/queue.h>

#include <event2/event.h>

#include "base/compiler.h"

struct client;
TAILQ_HEAD(client_list, client);

struct clients {
	struct client_list list; /* the oldest first */
	struct event *tick;
};

/* Returns 0, or -1 without memory. */
PF_MUST_CHECK int clients_open(struct clients *clients, struct event_base *base);

/* Forgets all; HTTP has ended. */
void clients_close(struct clients *clients);

/* Makes what evhttp serves another client with; NULL without memory. */
struct bufferevent *clients_add(struct clients *clients, struct event_base *base);

#endif
