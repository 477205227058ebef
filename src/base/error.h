/*
 * What went wrong, said by the function that saw it and reported by the one that decides.
 * A callee that fails fills the error; the caller logs it once, or adds where it happened.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/compiler.h"

struct error {
	char text[512];
};

/* Describes the failure. Always returns -1, so that a callee can say `return error_set(...)`. */
int error_set(struct error *error, const char *format, ...) PF_PRINTF(2, 3);

/* The same, followed by ": " and the text of errno. */
int error_errno(struct error *error, const char *format, ...) PF_PRINTF(2, 3);

/* Puts a prefix (where it happened) before what the error says. Always returns -1. */
int error_prefix(struct error *error, const char *format, ...) PF_PRINTF(2, 3);

/* Makes TEXT fit for a terminal, whoever has made it up: no control character but newlines. */
void error_make_printable(char *text);

#endif
