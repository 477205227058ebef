/*
 * A generation: a configuration and the workers that have it. Another one takes its place at a
 * reload; it lives on until its last worker is gone. The supervisor says which one starts and which
 * one serves.
 */
#ifndef MASTER_GENERATION_H
#define MASTER_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "master/resources.h"
#include "master/seat.h"
#include "net/listener.h"
#include "process/inheritance.h"
#include "segment/segment.h"

struct supervisor;

struct generation {
	TAILQ_ENTRY(generation) entry;
	struct supervisor *supervisor; /* NULL: not started */
	bool served;                   /* it serves, or has */
	bool undone;                   /* it never will */
	int number;                    /* from 1 */
	struct config *config;
	int inbox[2]; /* of connections that its workers take: where from, where to */
	struct resources resources;
	struct segment *segment;
	unsigned service_ids[CONFIG_SERVICES_MAX];
	unsigned names_before; /* of services, that the segment knew */
	struct listeners *listeners;
	struct listener_use *uses; /* given up when it retires */
	size_t use_count;
	struct listener_use *admin_uses; /* the same, of the group admin; by enum config_admin */
	size_t admin_use_count;
	bool steered[CONFIG_WORKERS_MAX]; /* to which numbers connections go: see steering.h */
	unsigned children;                /* processes that are left */
	size_t seat_count;
	struct seat seats[CONFIG_WORKERS_MAX];
};

TAILQ_HEAD(generation_list, generation);

/*
 * Makes a generation of CONFIG, which is taken, also on failure: looks up what it names, opens its
 * modules. Binds nothing. NULL with the reason if something is missing.
 */
struct generation *generation_open(struct config *config, struct segment *segment,
	struct listeners *listeners, int number, struct error *error) PF_MUST_CHECK;

/* Has the descriptors of another program's INBOX and MODULES instead of its own; all are taken. */
void generation_adopt(struct generation *generation, const int32_t inbox[static 2],
	const int32_t *modules, size_t module_count);

/* Takes over or binds its listeners. Returns 0, or -1 with the reason, and all is as before. */
PF_MUST_CHECK int generation_bind(struct generation *generation, struct error *error);

/* It does not serve any more: gives up what its children have. */
void generation_retire(struct generation *generation);

/* The same, as the server ends: what the admin process listens on stays. */
void generation_drain(struct generation *generation);

/* It will never serve: all that it has brought is gone, sockets and names. */
void generation_undo(struct generation *generation);

/* Frees it; no child is left. NULL is accepted. */
void generation_close(struct generation **generation);

/* Whether both have opened the same files as modules. */
bool generation_has_same_modules(const struct generation *a, const struct generation *b);

/* The worker that serves with that NUMBER, or NULL; how many serve. */
struct child *generation_worker(const struct generation *generation, size_t number);
size_t generation_count_workers(const struct generation *generation);

/* Logs where it listens: everywhere, or only where nobody did before. */
void generation_log_listeners(const struct generation *generation, bool all);

/* The socket of USE that worker NUMBER accepts from. */
const struct listener_socket *generation_socket(const struct listener_use *use, int number);

#endif
