/*
 * Every option, declared once: the parser, -T and the check of the manual read this table.
 * To add one: a field in config.h or service.h, a row in options.c, an entry in preforkd.conf(5).
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

enum option_scope {
	OPTION_GLOBAL,  /* top level; offset into struct config */
	OPTION_LOG,     /* group log; offset into struct config */
	OPTION_ADMIN,   /* group admin; offset into struct config */
	OPTION_TRACES,  /* group traces; offset into struct config */
	OPTION_SERVICE, /* a group in services; offset into struct config_service */
};

enum option_type {
	OPTION_BOOL,     /* bool */
	OPTION_INTEGER,  /* int64_t */
	OPTION_SIZE,     /* int64_t, bytes: "64K", "1M" or a number */
	OPTION_DURATION, /* int64_t, milliseconds: "500ms", "10s", "5m", "1h"; "off" if MIN is 0 */
	OPTION_RATE,     /* int64_t: a number, or "off" (0) or "on" (VALUE_RATE_ALL) */
	OPTION_SHARE,    /* int64_t, millionths: a number from 0 to 1, with a point or without */
	OPTION_MODE,     /* int64_t, permissions: octal digits in quotes, "0660" */
	OPTION_STRING,   /* char * */
	OPTION_STRINGS,  /* struct config_strings: a list, or one string */
	OPTION_NETWORKS, /* struct config_networks: the same, of networks */
	OPTION_WORD,     /* int or enum: one of WORDS; one of digits may stand without quotes */
};

/* What a reload does about an option that has changed. */
enum option_reload {
	OPTION_NEW_WORKERS, /* new workers have it */
	OPTION_AT_ONCE,     /* master and workers take it over as they run */
	OPTION_RESTART,     /* refused: only a restart changes it; of the top level, with a place */
};

struct option_word {
	const char *word;
	int value;
};

struct option {
	const char *key;
	enum option_scope scope;
	enum option_type type;
	enum option_reload reload;
	size_t offset;
	size_t place; /* offset of the member that says where it was set; 0: nobody asks */
	/* The default, as a file would say it without quotes, of a list "[]"; NULL: required. */
	const char *fallback;
	/* Of numbers, sizes, durations, rates and modes; a string with MIN 1 is not empty. */
	int64_t min, max;
	int64_t step;                    /* of durations: its multiples alone; 0: any */
	const struct option_word *words; /* OPTION_WORD: ended by a NULL word */
};

extern const struct option option_table[];
extern const size_t option_count;

/* The option of that scope and key, or NULL. */
const struct option *option_find(enum option_scope scope, const char *key);

/* Prints the value of an option, which FIELD points to, to OUT as a file would say it. */
void option_print(const struct option *option, const void *field, FILE *out);

/* Whether its value is a list, to which each setting of it adds. */
static inline bool
option_is_list(const struct option *option)
{
	return option->type == OPTION_STRINGS || option->type == OPTION_NETWORKS;
}

/* The key or group of that scope that WORD was probably meant to be, or NULL. */
const char *option_nearest(enum option_scope scope, const char *word);

#endif
