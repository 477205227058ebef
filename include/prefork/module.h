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
 * Threads. Every callback runs on the one thread of its worker's loop, never two at a time.
 * A callback must not block: while it runs, no other connection of that worker is served.
 * init may not start threads.
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
#define PF_ABI_MINOR 0

/* Makes a symbol visible outside the module, whatever -fvisibility says. */
#define PF_EXPORT __attribute__((visibility("default")))

/* A run of bytes that somebody else owns. */
struct pf_span {
	const void *data;
	size_t size;
};

/* What functions of the server return when they cannot do what they are asked. */
enum pf_error {
	PF_OK = 0,
	PF_E_ANSWERED = -1, /* the request has had its reply */
	PF_E_TOO_BIG = -2,  /* the framing cannot carry a message of that size */
	PF_E_CLOSED = -3,   /* the connection takes no more output */
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
 * A client's connection. Lives from the callback `opened` to the end of `closed`.
 * The server fills it; a module writes only to `state`.
 */
struct pf_connection {
	uint64_t id; /* unique among all workers and restarts */
	struct pf_service *service;
	void *state; /* the module's own, for this connection; NULL at first */
};

/* One message from a client. Lives until the callback `message` returns. */
struct pf_request {
	struct pf_connection *connection;
	struct pf_span message; /* the payload, without its framing */
};

/* The functions of the server. Constant, valid as long as the module is loaded. */
struct pf_api {
	size_t size; /* of this table, in the server */
	uint16_t abi_major, abi_minor;

	/*
	 * Answers REQUEST with the COUNT spans of PARTS, one behind the other, as one message; it
	 * may be empty, if the client takes empty messages. The bytes need to live until the
	 * callback `message` returns; larger ones that lie within request->message are sent from
	 * there without being copied. At most one reply a request; a request that gets none is one
	 * that its protocol does not answer. Callable only within `message`.
	 * Returns an enum pf_error: PF_OK, PF_E_ANSWERED, PF_E_TOO_BIG or PF_E_CLOSED (the client
	 * is gone); on an error nothing is sent.
	 */
	int (*reply)(struct pf_request *request, const struct pf_span *parts, size_t count);

	/*
	 * Says why init fails, in the manner of printf; the text (at most 255 bytes) stands in
	 * the server's log and in what `preforkd -t` prints. Callable only within `init`.
	 * Always returns -1, so that init can say `return api->fail(...)`.
	 */
	int (*fail)(struct pf_service *service, const char *format, ...)
		__attribute__((format(printf, 2, 3)));
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

	/*
	 * A service starts in a worker, unprivileged, before any connection; also when the
	 * configuration is checked, in a process that ends again at once.
	 * Returns 0, or anything else to refuse (see api->fail): the worker then does not start,
	 * and `exit` is not called.
	 */
	int (*init)(const struct pf_api *api, struct pf_service *service);

	/*
	 * The service ends in this worker; no connection of it is left. Neither this nor `closed`
	 * is called in a worker that crashes or that is stopped at once.
	 */
	void (*exit)(struct pf_service *service);

	/* A client has connected. */
	enum pf_verdict (*opened)(struct pf_connection *connection);

	/* The connection is over, for whatever reason. Called once for each one opened. */
	void (*closed)(struct pf_connection *connection);

	/* A message has come in. Messages of a connection arrive here in order. */
	enum pf_verdict (*message)(struct pf_request *request);
};

#ifdef __cplusplus
/* Declared, so that its definition is exported although it is const. */
extern PF_EXPORT const struct pf_module pf_module;
}
#endif

#endif
