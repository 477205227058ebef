#include <config.h>

#include "process/privilege.h"

#include <cap-ng.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/account.h"
#include "config/place.h"

static int
resolve_group(const struct config *config, gid_t *gid, struct error *error)
{
	const struct group *group;

	if (config->group[0] == '\0')
		return 0;
	group = account_group(config->group, error);
	if (group == NULL)
		return place_error(error, &config->group_place, "group");
	*gid = group->gr_gid;
	return 0;
}

static bool
may_chroot(void)
{
	return capng_get_caps_process() == 0 &&
		capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_CHROOT) != 0;
}

static int
check_chroot(const struct config *config, struct error *error)
{
	const char *path = config->chroot;
	struct stat st;

	if (path[0] == '\0')
		return 0;
	if (!may_chroot())
		error_set(error,
			"only root can have workers in \"%s\"; expected it to be left "
			"out, or a start as root or with CAP_SYS_CHROOT",
			path);
	else if (stat(path, &st) != 0)
		error_errno(error, "cannot use \"%s\"", path);
	else if (!S_ISDIR(st.st_mode))
		error_set(error, "\"%s\" is no folder", path);
	else
		return 0;
	return place_error(error, &config->chroot_place, "chroot");
}

bool
privilege_is_same(const struct identity *a, const struct identity *b)
{
	if (a->change != b->change || a->confined != b->confined)
		return false;
	return !a->change ||
		(a->uid == b->uid && a->gid == b->gid && a->group_count == b->group_count &&
			memcmp(a->groups, b->groups,
				(size_t)a->group_count * sizeof(a->groups[0])) == 0);
}

int
privilege_resolve(const struct config *config, struct identity *identity, struct error *error)
{
	const struct passwd *user;

	*identity = (struct identity){ .group_count = PRIVILEGE_GROUPS_MAX };
	if (check_chroot(config, error) != 0)
		return -1;
	identity->confined = config->chroot[0] != '\0';
	if (geteuid() != 0)
		return 0;
	user = account_user(config->user, error);
	if (user == NULL)
		return place_error(error, &config->user_place, "user");
	identity->change = true;
	identity->uid = user->pw_uid;
	identity->gid = user->pw_gid;
	if (resolve_group(config, &identity->gid, error) != 0)
		return -1;
	if (getgrouplist(user->pw_name, identity->gid, identity->groups, &identity->group_count) <
		0)
		return error_set(error, "user \"%s\" is in more than %d groups", config->user,
			PRIVILEGE_GROUPS_MAX);
	return 0;
}

/* Of all capabilities, keeps CAP_SYS_CHROOT or none, in every set that an exec could draw on. */
static int
limit_capabilities(bool keep_chroot, struct error *error)
{
	const capng_type_t sets = (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED);

	capng_clear(CAPNG_SELECT_CAPS);
	if (keep_chroot && capng_update(CAPNG_ADD, sets, CAP_SYS_CHROOT) != 0)
		return error_set(error, "cannot name the capability for chroot");
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return error_errno(error, "cannot give up capabilities");
	return 0;
}

static int
change_ids(const struct identity *identity, struct error *error)
{
	if (setgroups((size_t)identity->group_count, identity->groups) != 0)
		return error_errno(error, "cannot set the groups");
	if (setresgid(identity->gid, identity->gid, identity->gid) != 0)
		return error_errno(error, "cannot become group %u", identity->gid);
	if (prctl(PR_SET_KEEPCAPS, identity->confined, 0, 0, 0) != 0)
		return error_errno(error, "cannot keep a capability");
	if (setresuid(identity->uid, identity->uid, identity->uid) != 0)
		return error_errno(error, "cannot become user %u", identity->uid);
	return 0;
}

int
privilege_drop(const struct identity *identity, struct error *error)
{
	if (identity->change && change_ids(identity, error) != 0)
		return -1;
	if (limit_capabilities(identity->confined, error) != 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return error_errno(error, "cannot renounce new privileges");
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
		return error_errno(error, "cannot allow core dumps");
	return 0;
}

int
privilege_confine(const struct config *config, struct error *error)
{
	if (config->chroot[0] == '\0')
		return 0;
	if (chroot(config->chroot) != 0 || chdir("/") != 0)
		error_errno(error, "workers cannot enter \"%s\"", config->chroot);
	else if (limit_capabilities(false, error) == 0)
		return 0;
	return place_error(error, &config->chroot_place, "chroot");
}
