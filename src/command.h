/* The command line of preforkd(8). */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

#include "config/config.h"

enum command_action {
	COMMAND_RUN,
	COMMAND_CHECK,   /* -t */
	COMMAND_PRINT,   /* -T */
	COMMAND_VERSION, /* -V */
	COMMAND_HELP,    /* -h */
};

struct command {
	enum command_action action;
	struct config_source source;
};

/*
 * Reads the command line. What *COMMAND holds points into ARGV; command_free frees its lists.
 * Exits with EX_USAGE and a message if it makes no sense.
 */
void command_parse(struct command *command, int argc, char *argv[]);

/* Frees the lists. */
void command_free(struct command *command);

/* Says what can be said on the command line. */
void command_help(void);

#endif
