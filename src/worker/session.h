/*
 * One client's conversation: joins its connection, its service's framing and module. This folder is
 * the only one that knows both net/ and dispatch/.
 */
#ifndef WORKER_SESSION_H
#define WORKER_SESSION_H

#include "dispatch/dispatch.h"
#include "net/connection.h"
#include "net/count.h"
#include "worker/sessions.h"

struct pipeline;

struct session {
	struct connection connection;
	struct pf_connection public; /* what the module sees */
	struct pipeline *pipeline;   /* NULL: no request waits or is with somebody else */
	uint64_t requests;           /* taken so far: the number of the last one */
	uint32_t searched;    /* bytes of the message begun that the codec needs to see no more */
	unsigned end : 7;     /* enum wire_end: of the last line that had one */
	unsigned suspect : 1; /* a worker that was to take it has died of it, maybe */
	/* KiB that the message begun may have by the limit of the worker where it began; 0: as all.
	 */
	unsigned old_limit : 24;
};

static inline struct service *
session_service(const struct session *session)
{
	return container_of(session->public.service, struct service, public);
}

static inline struct sessions *
session_sessions(const struct session *session)
{
	return container_of(session_service(session)->dispatch, struct sessions, dispatch);
}

/* The owner's side of each connection. */
extern const struct connection_ops session_ops;

/*
 * Begins a session with SERVICE on the socket FD, which was granted PLACE. Takes both; without
 * memory the client is closed and the place given back.
 */
void session_open(
	struct network *network, int fd, struct admission_place place, struct service *service);

/*
 * Outside of the connection's own events: goes on with what has become possible, such as replies
 * to be sent and messages to be taken. May close it.
 */
void session_advance(struct session *session);

/* Sends the recorded reply of REQUEST, whose turn it is. Its memory must last until the flush. */
void session_deliver(struct session *session, struct request *request);

/* A `send` of requests: at once, for a handler that runs on the loop when it is its turn. */
int session_send_now(struct request *request, const struct pf_span *parts, size_t count);

/* For session_report. */
void session_say(struct session *session, const struct request *request);

/* A request is over: counts it, and says what is to be said of it. */
static inline void
session_report(struct session *session, const struct request *request)
{
	const struct sessions *sessions = session_sessions(session);

	connection_count(&session->connection, COUNTER_REQUESTS + request->result, 1);
	if (unlikely(request->result == REQUEST_TOO_BIG || sessions->reporter.on))
		session_say(session, request);
}

/*
 * Sends a message that no request asked for, or nothing if the framing cannot carry it. Copies the
 * bytes. May close the connection.
 */
void session_send(struct session *session, const char *data, size_t size);

#endif
