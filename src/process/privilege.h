/*
 * Who a child runs as, and below which root. Names are looked up by the master, before it forks;
 * the child only has numbers to set.
 */
#ifndef PROCESS_PRIVILEGE_H
#define PROCESS_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"

enum {
	PRIVILEGE_GROUPS_MAX = 64,
};

struct identity {
	bool change; /* started as root: false leaves a child who it is */
	uid_t uid;
	gid_t gid;
	gid_t groups[PRIVILEGE_GROUPS_MAX];
	int group_count;
	bool confined; /* privilege_confine is to follow: the child keeps the right to chroot(2) */
};

/* Looks up `user` and `group`, and whether `chroot` can be. Returns 0, or -1 with an error that
 * names the option. */
PF_MUST_CHECK int privilege_resolve(
	const struct config *config, struct identity *identity, struct error *error);

/* Whether a child of one is what a child of the other is. */
bool privilege_is_same(const struct identity *a, const struct identity *b);

/*
 * Becomes IDENTITY for good: groups, user, no capability but the one to be confined, no new
 * privilege by any exec. A core can still be dumped. Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int privilege_drop(const struct identity *identity, struct error *error);

/*
 * Enters `chroot`, if there is one, and gives the last capability up. Returns 0, or -1 with an
 * error that names the option.
 */
PF_MUST_CHECK int privilege_confine(const struct config *config, struct error *error);

#endif
