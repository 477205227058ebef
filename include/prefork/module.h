/*
 * The interface between preforkd and a module: a handler for messages, written in C.
 *
 * A module is a shared object that exports one symbol, `pf_module`. preforkd loads it in each
 * worker and hands it the functions that it may call as one table, `struct pf_api`; no symbol of
 * the server is visible to a module, and a module needs no library to link with. Compile it with
 * `pkg-config --cflags preforkd`, see prefork-module(3) for an example.
 *
 * Versions. A module is refused if its major version is not the server's. Within a major version
 * struct pf_module and struct pf_api only grow at their end: a member beyond the `size` of the
 * table that it stands in does not exist, which only a module built for a newer minor version has
 * to check. What the server makes (service, connection, request) may grow too.
 *
 * Threads. A worker has one thread for its loop, and a pool. Every callback runs on the loop,
 * `message` excepted, which runs in the pool if the message was routed there (pf_module.route).
 * - What runs on the loop must not block: meanwhile no other connection of that worker is served.
 * - Unless the module is PF_MODULE_CONCURRENT, callbacks of one connection never run two at a time,
 *   and its requests run one after another, each when the one before it has been handled and, if it
 *   was kept, answered, dropped or late: what belongs to a connection needs no lock.
 * - Handlers of different connections do run at the same time in the pool: what belongs to a
 *   service, or to the module as a whole, needs one. A module that is fit for that says
 *   PF_MODULE_THREADS; any other has all its messages handled on the loop.
 * - A module starts threads of its own in `started`, never in `init`, and ends them in `exit`.
 *   Which functions they may call is said there.
 *
 * Memory. What a callback is handed is borrowed until it returns, unless its comment says
 * otherwise. What a module allocates it frees. A worker is a process: modules in different
 * workers share nothing.
 */
#ifndef PREFORK_MODULE_H
#define PREFORK_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PF_ABI_MAJOR 1
#define PF_ABI_MINOR 2

/* Makes `pf_module` visible outside the module, whatever -fvisibility says. */
#ifdef __cplusplus
#define PF_EXPORT /* declared so, at the end */
#else
#define PF_EXPORT __attribute__((visibility("default")))
#endif

/* A run of bytes that somebody else owns. */
struct pf_span {
	const void *data;
	size_t size;
};

/* What functions of the server return when they cannot do what they are asked. */
enum pf_error {
	PF_OK = 0,
	PF_E_ANSWERED = -1, /* the request has had its reply */
	PF_E_TOO_BIG = -2,  /* the framing cannot carry it: too long, or less than length_offset */
	PF_E_CLOSED = -3,   /* the connection is gone, or takes no more output */
	PF_E_LATE = -4,     /* the request's time was over: the client has had another reply */
	PF_E_MEMORY = -5,   /* there is no memory for it */
	PF_E_FULL = -6,     /* too much waits for the loop: try again later */
};

/* Properties of a module, for pf_module.flags. */
enum {
	PF_MODULE_THREADS = 1,    /* `message` may run in the pool */
	PF_MODULE_CONCURRENT = 2, /* requests of one connection may be under way side by side */
};

/* Where the handler of a message runs. */
enum pf_place {
	PF_INLINE = 0, /* on the loop: it is short and never blocks */
	PF_POOL = 1,   /* on a thread of the pool */
};

/* Which of the pool's queues a message waits in. */
enum pf_priority {
	PF_PRIORITY_SERVICE = 0, /* the one that the configuration gives to the service */
	PF_PRIORITY_HIGH = 1,
	PF_PRIORITY_NORMAL = 2,
	PF_PRIORITY_LOW = 3,
};

/* What is to become of a message. */
struct pf_route {
	enum pf_place place;
	enum pf_priority priority; /* of no account inline */
};

/* Frames that the server sends of its own accord, in the words of the module's protocol. */
enum pf_notice {
	PF_NOTICE_BUSY,      /* the reply to a message for which there was no room */
	PF_NOTICE_TIMEOUT,   /* the reply to a message that was not answered in time */
	PF_NOTICE_HEARTBEAT, /* asks a silent client whether it is there */
	PF_NOTICE_GOODBYE,   /* the worker ends, and closes the connection behind this */
};

enum {
	PF_NOTICE_MAX = 4096, /* bytes of one */
};

enum {
	PF_SAVE_MAX = 1024 * 1024, /* bytes that a connection can take along */
};

enum {
	PF_TRACEPARENT_SIZE = 56, /* bytes of a W3C traceparent, with its end */
};

enum pf_log_level {
	PF_LOG_DEBUG = 0,
	PF_LOG_INFO = 1,
	PF_LOG_WARN = 2,
	PF_LOG_ERROR = 3,
};

/* What is to be done once a callback has returned. */
enum pf_verdict {
	PF_CONTINUE = 0, /* go on */
	PF_CLOSE = 1,    /* send what is queued, then close the connection in order */
};

/*
 * A service of the configuration, as one worker runs it. Made before init, gone after exit.
 * The server fills it; a module writes only to `state`.
 */
struct pf_service {
	const char *name;    /* its name in the configuration */
	uint32_t worker;     /* number of this worker, from 1 */
	const void *options; /* the structure that pf_module.options describes, filled */
	void *state;         /* the module's own, for this service in this worker */
};

/*
 * A client's connection. Lives from the callback `opened` (or `restore`) to the end of `closed`
 * (or `moved`).
 * The server fills it; a module writes only to `state`.
 */
struct pf_connection {
	uint64_t id; /* unique among all workers and restarts */
	struct pf_service *service;
	void *state; /* the module's own, for this connection; NULL at first */
};

/*
 * One message from a client. Lives until the callback `message` returns, or, once it is kept, until
 * it is answered or dropped. The server fills it; a module writes only to `state`.
 */
struct pf_request {
	/* Of no use once `message` has returned: the client may be gone. Note its id. */
	struct pf_connection *connection;
	struct pf_span message; /* the payload, without its framing */
	uint64_t number;        /* of the message in its connection, from 1 */
	int64_t deadline_ms;    /* end of its time by CLOCK_MONOTONIC, milliseconds; 0: none */
	void *state;            /* the module's own, for this request; NULL at first */
};

/*
 * The functions of the server. Constant, valid as long as the module is loaded. A result of type
 * int is an enum pf_error, and on an error nothing has been done, unless it says otherwise.
 */
struct pf_api {
	size_t size; /* of this table, in the server */
	uint16_t abi_major, abi_minor;

	/*
	 * Answers REQUEST with the COUNT spans of PARTS, one behind the other, as one message; it
	 * may be empty, if the client takes empty messages. At most one reply a request; one that
	 * gets none is one that its protocol does not answer. Replies leave in the order of the
	 * requests.
	 *
	 * The bytes of PARTS are taken before this returns. Two kinds are sent from where they are:
	 * larger parts within request->message, and within memory from `reserve`.
	 *
	 * Callable within `message`, on the thread that runs it; for a kept request on any thread,
	 * and unless that returns PF_E_TOO_BIG or PF_E_MEMORY the request is over and must not be
	 * touched again.
	 *
	 * PF_E_ANSWERED, PF_E_TOO_BIG, PF_E_CLOSED, PF_E_LATE or PF_E_MEMORY. PF_OK does not say
	 * that the client has it.
	 */
	int (*reply)(struct pf_request *request, const struct pf_span *parts, size_t count);

	/*
	 * SIZE bytes for building a reply to REQUEST, which is then sent from there: the server
	 * frees them, when the reply has gone or the request is over without it. Aligned for any
	 * object. Callable where `reply` is. NULL without memory.
	 */
	void *(*reserve)(struct pf_request *request, size_t size);

	/*
	 * Keeps REQUEST beyond the return of `message`, within which it is called: to be answered
	 * later, by `reply`, or given up by `drop`, from any thread. Until then the request is
	 * under way: it counts for max_pipeline, request_timeout runs, and the connection's next
	 * one waits, unless the module is PF_MODULE_CONCURRENT. It is kept even if `message` then
	 * returns PF_CLOSE. If it was kept inline, its message moves: read request->message anew.
	 * A request that is neither answered nor dropped stands in the log.
	 * PF_E_ANSWERED, PF_E_MEMORY.
	 */
	int (*keep)(struct pf_request *request);

	/* Ends a kept request without a reply. From any thread. It must not be touched again. */
	void (*drop)(struct pf_request *request);

	/*
	 * Sends a message that nobody asked for to the connection CONNECTION (pf_connection.id) of
	 * SERVICE. From any thread, also after `closed` and from within any callback. The bytes are
	 * copied. Messages that one thread sends to one connection arrive in their order; beside
	 * replies they go when the loop comes to them. A client that leaves max_output unread is
	 * closed.
	 * PF_E_CLOSED (no such connection in this worker), PF_E_TOO_BIG, PF_E_FULL, PF_E_MEMORY.
	 * PF_OK does not say that the client has it: it may just be leaving.
	 */
	int (*send)(struct pf_service *service, uint64_t connection, const struct pf_span *parts,
		size_t count);

	/*
	 * From now on the connection CONNECTION may be idle for MS milliseconds; 0: for ever;
	 * negative: as idle_timeout says. From any thread. PF_E_CLOSED, PF_E_FULL, PF_E_MEMORY.
	 */
	int (*set_idle_timeout)(struct pf_service *service, uint64_t connection, int64_t ms);

	/*
	 * Closes the connection CONNECTION in order, behind the replies to all that it has sent and
	 * the server has read. From any thread. PF_E_CLOSED, PF_E_FULL, PF_E_MEMORY.
	 */
	int (*close)(struct pf_service *service, uint64_t connection);

	/*
	 * Writes a line to the server's log, in the manner of printf, at most 1,023 bytes; it
	 * carries the ids of service, connection and request. From any thread.
	 */
	void (*log)(const struct pf_request *request, enum pf_log_level level, const char *format,
		...) __attribute__((format(printf, 3, 4)));

	/* The same about a service, and a connection of it, if CONNECTION is not 0. */
	void (*log_service)(const struct pf_service *service, uint64_t connection,
		enum pf_log_level level, const char *format, ...)
		__attribute__((format(printf, 4, 5)));

	/*
	 * Says why init or started fails, in the manner of printf; the text (at most 255 bytes)
	 * stands in the server's log and, of init, in what `preforkd -t` prints, which does not
	 * call `started`. Callable only within those.
	 * Always returns -1, so that they can say `return api->fail(...)`.
	 */
	int (*fail)(struct pf_service *service, const char *format, ...)
		__attribute__((format(printf, 2, 3)));

	/* Since 1.2. */

	/*
	 * Writes to TEXT what belongs into the traceparent of calls that the handler of REQUEST
	 * makes: 55 characters and their end. Callable where `reply` is.
	 * Returns 55; or 0, and TEXT is empty, if the request belongs to no trace.
	 */
	size_t (*traceparent)(const struct pf_request *request, char text[PF_TRACEPARENT_SIZE]);
};

enum pf_option_type {
	PF_OPTION_BOOL,     /* bool */
	PF_OPTION_INTEGER,  /* int64_t */
	PF_OPTION_SIZE,     /* int64_t, bytes: "64K", "1M" or a number */
	PF_OPTION_DURATION, /* int64_t, milliseconds: "500ms", "10s", "5m", "1h" */
	PF_OPTION_STRING,   /* const char *, never NULL */
};

/*
 * An option of the module, read from the group `options` of its service. The server checks the
 * type and the range and refuses unknown keys, so a module only sees values that it can use.
 */
struct pf_option {
	const char *key;
	enum pf_option_type type;
	size_t offset; /* of the member in the structure of pf_module.options_size bytes */
	/* The default, as a file would say it without quotes. NULL, for a string: "". */
	const char *fallback;
	/* Of numbers, sizes and durations, ends included; both 0: any. With a min of 0 or less, a
	 * duration can be "off", which is 0. */
	int64_t min, max;
	const void *detail; /* NULL: kept for types to come, since rows of a table cannot grow */
};

/*
 * What a module exports, under the name `pf_module`. Callbacks that a module has no use for are
 * NULL, `message` excepted.
 */
struct pf_module {
	size_t size;                   /* sizeof(struct pf_module) */
	uint16_t abi_major, abi_minor; /* PF_ABI_MAJOR, PF_ABI_MINOR */
	const char *name;
	const struct pf_option *options; /* ended by a NULL key; NULL: it has no options */
	size_t options_size;             /* of the structure that they fill */
	unsigned flags;                  /* PF_MODULE_... */

	/*
	 * A service starts in a worker, unprivileged, before any connection; also when the
	 * configuration is checked, in a process that ends again at once.
	 * Returns 0, or anything else to refuse (see api->fail): the worker then does not start,
	 * and `exit` is not called.
	 */
	int (*init)(const struct pf_api *api, struct pf_service *service);

	/*
	 * The worker is about to be ready: here the service may start threads. They have to leave
	 * all signals blocked, as they find them, and may call `reply`, `reserve` and `drop` for
	 * kept requests, `send`, `set_idle_timeout`, `close`, `log` and `log_service`.
	 * Returns 0, or anything else to refuse, as init does; `exit` is then called.
	 */
	int (*started)(struct pf_service *service);

	/*
	 * The service ends in this worker, whether or not it was started; no connection is left.
	 * Ends its threads; kept requests are answered (in vain) or dropped here at last. Neither
	 * this nor `closed` is called in a worker that crashes or is stopped at once, nor this in
	 * one in which a handler hangs, nor `closed` for that handler's connection.
	 */
	void (*exit)(struct pf_service *service);

	/* A client has connected. */
	enum pf_verdict (*opened)(struct pf_connection *connection);

	/*
	 * The connection is over, for whatever reason, and no handler of it runs. Called once for
	 * each one opened, unless it is moved. Requests of it may still be kept.
	 */
	void (*closed)(struct pf_connection *connection);

	/*
	 * Says where a message is to be handled. On the loop, once at most for each message, when
	 * it or one before it is to be dispatched. NULL: all run inline. What the configuration
	 * says with `dispatch` counts more than the place, not more than the priority. Needs
	 * PF_MODULE_THREADS.
	 */
	struct pf_route (*route)(const struct pf_request *request);

	/*
	 * Handles a message. Messages of a connection arrive here in order, one after another
	 * unless the module is PF_MODULE_CONCURRENT.
	 */
	enum pf_verdict (*message)(struct pf_request *request);

	/*
	 * Writes what WHICH is in the module's protocol, without framing, to BUFFER of SIZE bytes
	 * (PF_NOTICE_MAX). MESSAGE is the one that it answers; empty for a heartbeat or good-bye.
	 * On the loop, perhaps while a handler of the connection runs: so it sees none.
	 * Returns the size of the frame, or -1 (or more than SIZE) for none: a busy or late request
	 * then stays without a reply, and a silent client has to speak without being asked (but
	 * `heartbeat` is refused if there is none when the service starts). NULL: "server busy" or
	 * "request timed out", behind the bytes before the length of the request; no heartbeat and
	 * no good-bye.
	 */
	ptrdiff_t (*notice)(struct pf_service *service, enum pf_notice which,
		struct pf_span message, void *buffer, size_t size);

	/* Since 1.1. A connection can move to another worker, without its client noticing. */

	/*
	 * The connection is about to move: writes what the module has to know of it there to BUFFER
	 * of SIZE bytes (PF_SAVE_MAX). On the loop, while no request of it is under way. It may
	 * still stay, so nothing is freed here.
	 * Returns the bytes written, or -1 (or more than SIZE): this connection cannot move.
	 * NULL: a connection moves if its `state` is NULL.
	 */
	ptrdiff_t (*save)(struct pf_connection *connection, void *buffer, size_t size);

	/*
	 * The connection has come here, with its id and what `save` wrote: takes the place of
	 * `opened`. Needed with `save`. On the loop; of the server it may call only log_service.
	 * Returns 0, or anything else to refuse: it then stays where it was, to be closed in order,
	 * and nothing more is heard of it here.
	 */
	int (*restore)(struct pf_connection *connection, struct pf_span saved);

	/* The other worker has it: takes the place of `closed`, and frees what that would. */
	void (*moved)(struct pf_connection *connection);

	/* Which format `save` writes. Connections move between modules of one name and format. */
	uint64_t save_format;

	/* Since 1.2. */

	/*
	 * Says where in MESSAGE its W3C traceparent stands; empty: nowhere. What is none is
	 * ignored, so this need not check. On the loop, once for each message, before `route`, and
	 * only while the server is told to trace; perhaps while a handler of the connection runs:
	 * so it sees none. NULL: messages have none.
	 */
	struct pf_span (*traceparent)(struct pf_service *service, struct pf_span message);
};

#ifdef __cplusplus
/* Declared, so that its definition is exported although it is const. */
extern __attribute__((visibility("default"))) const struct pf_module pf_module;
}
#endif

#endif
