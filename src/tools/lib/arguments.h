/* What the tools' command lines have in common: numbers with units, and how mistakes are said. */
#ifndef LIB_ARGUMENTS_H
#define LIB_ARGUMENTS_H

#include <stdint.h>

#include "base/compiler.h"

/* Says what is wrong with the command line and where help is; the process ends with EX_USAGE. */
PF_NORETURN void arguments_refuse(const char *format, ...) PF_PRINTF(1, 2);

/* The same when getopt_long(3) has said what is wrong. */
PF_NORETURN void arguments_refuse_option(void);

/* Prints TEXT, of --help or --version; the process ends. */
PF_NORETURN void arguments_print(const char *text);

/*
 * The value of OPTION, or of what else a message is to name. A mistake ends the process as
 * arguments_refuse does.
 */

/* Bytes, from 1: "64K". */
int64_t arguments_size(const char *option, const char *text);

/* Milliseconds, from 1: "500ms". */
int64_t arguments_duration(const char *option, const char *text);

/* Milliseconds, from 0: "0s". */
int64_t arguments_duration_or_none(const char *option, const char *text);

/* A number from 1, so large at most that times a number of messages it fits 64 bits. */
int64_t arguments_count(const char *option, const char *text);

int64_t arguments_number(const char *option, const char *text, int64_t min, int64_t max);

/* Bytes as TEXT says, from 0, or -1: for a size that is a part of a value. */
int64_t arguments_parse_size(const char *text);

#endif
