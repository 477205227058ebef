/* What a child is. A role is a folder, and a member of `struct roles` that main.c fills. */
#ifndef PROCESS_ROLE_H
#define PROCESS_ROLE_H

#include "process/inheritance.h"

struct role {
	const char *name; /* for logs */
	/* Runs in the child until it is done; the result is its exit status. */
	int (*run)(struct inheritance *inheritance);
};

struct roles {
	const struct role *worker;
	const struct role *admin;
	const struct role *check; /* loads the modules, says how it went, exits */
};

#endif
