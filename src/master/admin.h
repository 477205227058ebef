/*
 * The admin process, as the master sees it: there is one while the configuration in use has
 * `admin.listen`, `admin.agent` or `traces.endpoint`. It is respawned as a worker is, and outlives
 * reloads that leave those as they are. It is there from the start on, to say that the server is
 * not ready yet.
 */
#ifndef MASTER_ADMIN_H
#define MASTER_ADMIN_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/endpoint.h"
#include "base/error.h"
#include "master/respawn.h"
#include "master/supervisor.h"
#include "process/channel.h"
#include "process/inheritance.h"
#include "process/privilege.h"
#include "process/role.h"

enum {
	ADMIN_SOCKETS_MAX = CONFIG_ADMIN__COUNT * CONFIG_ADMIN_ADDRESSES_MAX,
};

struct admin {
	struct supervisor *supervisor;
	const struct role *role;
	pid_t pid;     /* 0: there is none */
	bool replaced; /* it was told to end, for it has something else than it should */
	int64_t born_ms;
	struct channel channel;
	struct event *timer; /* pending: until it is started */
	struct respawn respawn;
	struct inherited_listener sockets[ADMIN_SOCKETS_MAX]; /* that it has */
	size_t socket_count;
	struct identity identity; /* that it has, and its root */
	char chroot[PATH_MAX];
	char endpoint[ENDPOINT_MAX]; /* where it exports traces to */
};

/*
 * Prepares, also the supervisor's channel of traces; nothing runs yet. Returns 0, or -1 with the
 * reason.
 */
PF_MUST_CHECK int admin_open(struct admin *admin, struct supervisor *supervisor,
	const struct role *role, struct error *error);

/* Ends it, and waits for that: a moment, if it has traces to export. */
void admin_close(struct admin *admin);

/* Another generation serves: starts it, or another one in its place, or ends it. */
void admin_update(struct admin *admin);

/* The log is another one, or something else that the processes there are have to take over. */
void admin_send_settings(struct admin *admin);

/* A process has ended. Returns whether it was this one. */
bool admin_reaped(struct admin *admin, pid_t pid, int status);

#endif
