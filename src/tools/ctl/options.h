/* The command line of preforkctl(8). */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *config; /* NULL: the installed one */
	const char *socket; /* NULL: what the configuration says */
	bool json;
	char **words; /* the command and its arguments, ended by NULL */
	int count;
};

/* Mistakes end the process with EX_USAGE; so do --help and --version, with 0. */
void options_parse(struct options *options, int argc, char **argv);

#endif
