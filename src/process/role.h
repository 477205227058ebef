/* What a child is. Adding a role is a folder and a row in main.c's table. */
#ifndef PROCESS_ROLE_H
#define PROCESS_ROLE_H

#include "process/inheritance.h"

struct role {
	const char *name; /* for titles and logs */
	/* Runs in the child until it is done; the result is its exit status. */
	int (*run)(struct inheritance *inheritance);
};

struct roles {
	const struct role *worker;
	const struct role *check; /* loads the modules, says how it went, exits */
};

#endif
