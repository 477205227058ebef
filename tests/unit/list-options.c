/*
 * Prints the table of options for tests/lint/options, a line a row: scope, key, default and what a
 * reload does, with tabs between them. A required option has the default "-".
 */
#include <config.h>

#include <stdio.h>

#include "config/options.h"

static const char *const scopes[] = {
	[OPTION_GLOBAL] = "global",
	[OPTION_LOG] = "log",
	[OPTION_ADMIN] = "admin",
	[OPTION_TRACES] = "traces",
	[OPTION_SERVICE] = "service",
};

static const char *const reloads[] = {
	[OPTION_NEW_WORKERS] = "new workers",
	[OPTION_AT_ONCE] = "at once",
	[OPTION_RESTART] = "restart",
};

int
main(void)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &option_table[i];

		printf("%s\t%s\t%s\t%s\n", scopes[option->scope], option->key,
			option->fallback != NULL ? option->fallback : "-", reloads[option->reload]);
	}
	return 0;
}
