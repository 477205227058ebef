/*
 * All that a child gets from the master, besides the log. What is not named here is closed in it.
 */
#ifndef PROCESS_INHERITANCE_H
#define PROCESS_INHERITANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "process/privilege.h"
#include "segment/segment.h"

/* A listening socket, non-blocking, and the service whose connections it brings. */
struct inherited_listener {
	int fd;
	uint32_t id;    /* names it in messages */
	size_t service; /* index in config->services */
	bool lent;      /* by the service manager: what is in its queue is left there */
};

/* Borrowed from the master's memory, which the child has a copy of. */
struct inheritance {
	const struct config *config;
	const struct identity *identity;
	const struct inherited_listener *listeners;
	size_t listener_count;
	const int *modules;          /* descriptors of the module files, one a service */
	const unsigned *service_ids; /* ids in the segment, one a service */
	struct segment *segment;     /* NULL for a child that only checks */
	unsigned slot;
	int number;     /* of the worker, from 1 */
	int generation; /* from 1 */
	int inbox;      /* from which it takes connections of others; -1: none */
	int traces;     /* where records of spans go, or, in the admin process, come from */
	int channel;    /* set by spawn: the child's end */
	pid_t master;   /* set by spawn */
};

#endif
