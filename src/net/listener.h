/*
 * The listening sockets: bound by the master before it forks and kept by it, so that no
 * connection that the kernel has queued is lost with a worker.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/address.h"
#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "process/inheritance.h"

struct listener {
	struct address address; /* as bound: with the port that the kernel chose for port 0 */
	dev_t device;           /* of the path of a unix socket, to remove only our own */
	ino_t inode;
};

struct listeners {
	struct listener *items;
	struct inherited_listener *sockets; /* the same order; what children get */
	size_t count;
};

/*
 * Binds every `listen` of CONFIG. LOCKED: the pid file's lock is held, so a unix socket that still
 * answers is not another master's. Returns 0, or -1 with an error that names service and address,
 * and then none is left.
 */
PF_MUST_CHECK int listeners_open(
	struct listeners *listeners, const struct config *config, bool locked, struct error *error);

/* Closes them; paths of unix sockets that are still our own go too. */
void listeners_close(struct listeners *listeners);

#endif
