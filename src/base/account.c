#include <config.h>

#include "base/account.h"

#include <stddef.h>

const struct passwd *
account_user(const char *name, struct error *error)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		error_set(error,
			"there is no user \"%s\" on this system; make it, as \"useradd --system "
			"%s\" does, or name another",
			name, name);
	return user;
}

const struct group *
account_group(const char *name, struct error *error)
{
	const struct group *group = getgrnam(name);

	if (group == NULL)
		error_set(error,
			"there is no group \"%s\" on this system; make it, as \"groupadd "
			"--system %s\" does, or name another",
			name, name);
	return group;
}
