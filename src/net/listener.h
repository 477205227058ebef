/*
 * The listening sockets: bound by the master before it forks and kept by it, so that no
 * connection that the kernel has queued is lost with a worker. A listener lives as long as a
 * configuration in use names it: a reload takes over those that are bound already.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/address.h"
#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"

struct listener_socket {
	int fd;
	uint32_t id; /* names it in messages; never used again */
};

struct listener {
	TAILQ_ENTRY(listener) entry;
	struct address asked;   /* as configured */
	struct address address; /* as bound: with the port that the kernel chose for port 0 */
	dev_t device;           /* of the path of a unix socket, to remove only our own */
	ino_t inode;
	bool reuse_port;
	bool admin;                      /* of the group admin, and of no service */
	bool lent;                       /* by the service manager: see activation.h */
	struct listener_socket *sockets; /* one; with reuse_port one for each worker's number */
	size_t socket_count;
	unsigned users; /* one that is lent has one more: it is kept until the end */
};

struct listeners {
	TAILQ_HEAD(, listener) list;
	uint32_t next_id;
	/*
	 * The pid file is: a unix socket that answers is a former master's. Only at the start, for
	 * what that one has left is taken over then; later it is somebody else's.
	 */
	bool locked;
	bool busy; /* the last failure: somebody else has the address */
};

/* A listener as a configuration has it. */
struct listener_use {
	struct listener *listener;
	size_t service;        /* index among the services */
	size_t sockets_before; /* that the listener had; 0: it is new */
};

void listeners_open(struct listeners *listeners, bool locked);

/* Frees what nobody uses; the process ends. */
void listeners_close(struct listeners *listeners);

/*
 * Takes a listener that another program has bound: FROM without its sockets, which follow by
 * listeners_adopt_socket. It stays, used or not, until listeners_adopted. NULL without memory.
 */
struct listener *listeners_adopt(struct listeners *listeners, const struct listener *from);
PF_MUST_CHECK int listeners_adopt_socket(struct listener *listener, int fd, uint32_t id);

/* All is adopted, and nothing will be given back: what nobody uses goes, unless it is lent. */
void listeners_adopted(struct listeners *listeners);

/*
 * Finds or binds every `listen` of SERVICES, SERVICE_COUNT of them, with sockets for WORKERS
 * workers. *USES is allocated, in their order. Returns 0, or -1 with an error that names service
 * and address, and then all is as before.
 */
PF_MUST_CHECK int listeners_use(struct listeners *listeners, const struct config_service *services,
	size_t service_count, size_t workers, struct listener_use **uses, size_t *count,
	struct error *error);

/* More sockets for a listener with reuse_port, WORKERS in all. Returns 0, or -1. */
PF_MUST_CHECK int listeners_grow(struct listeners *listeners, struct listener *listener,
	const struct config_service *service, size_t workers, struct error *error);

/*
 * Gives the uses up and frees *USES. A listener that has no other is closed; the path of a unix
 * socket goes if it is still our own. With UNDO sockets that came with them are closed, too.
 */
void listeners_give_up(
	struct listeners *listeners, struct listener_use **uses, size_t *count, bool undo);

/* What SERVICE says of sockets that are bound already. */
void listener_apply(struct listener *listener, const struct config_service *service);

/*
 * From now on nobody gets into the queue of LISTENER: see seal.h. The path of a unix socket goes.
 * One that is lent is left as it is.
 */
void listener_seal(struct listener *listener);

#endif
