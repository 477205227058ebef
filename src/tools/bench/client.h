/*
 * One connection, from connect(2) to close(2), time and again:
 *
 *	CLOSED -> CONNECTING -> OPEN -> CLOSED
 *
 * Its worker tells it what epoll(7) says and when to connect; all else it does itself.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "tools/bench/context.h"
#include "tools/bench/flights.h"
#include "tools/bench/replies.h"
#include "tools/bench/requests.h"

enum client_state {
	CLIENT_CLOSED,
	CLIENT_CONNECTING,
	CLIENT_OPEN,
};

struct client {
	enum client_state state;
	int fd;                /* of a state other than CLOSED */
	bool idle;             /* it sends nothing */
	bool attempted;        /* its first connection came about, or failed */
	bool waits_to_connect; /* it is CLOSED, and tries again: the server's backlog was full */
	bool waits_to_send;    /* its socket was full */
	const struct address *address, *source; /* borrowed; the source may be NULL */
	int64_t since_ns; /* the last progress: a try to connect, a reply, a request after none */
	uint64_t sent;    /* requests of this connection */
	uint64_t answered;
	uint64_t number; /* among all connections of the run */
	uint64_t due;    /* open loop: requests whose time has come, over all its lives */
	uint64_t begun;  /* of these it has sent, or lost */
	struct flights flights;
	struct requests requests;
	struct replies replies;
	char *held; /* the start of a reply, held_size bytes; owned */
	size_t held_size, held_room;
};

/* Opens the connection, or begins to; what fails is counted. */
void client_connect(struct client *client, struct context *context);

/* Handles EVENTS of epoll(7). */
void client_event(struct client *client, struct context *context, uint32_t events);

/* Sends what there is to be sent by NOW_NS: new requests too. */
void client_send(struct client *client, struct context *context, int64_t now_ns);

/* Open loop: the time of one more request has come. It is sent as soon as it can be. */
void client_make_due(struct client *client, struct context *context, int64_t now_ns);

/* Whether there is no connection, and should be one. */
bool client_is_wanted(const struct client *client, const struct context *context);

/* Ends the connection if nothing has come for too long. */
void client_expire(struct client *client, struct context *context, int64_t now_ns);

/* Closes the connection and frees what it holds. Nothing is counted. */
void client_destroy(struct client *client);

#endif
