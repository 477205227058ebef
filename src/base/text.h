/* Text of bounded size, built piece by piece, with the escapes that log lines need. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

/* What does not fit is left out; no piece is cut within an escape or a UTF-8 sequence. */
struct text {
	char *data;  /* not terminated; owned by the caller */
	size_t room; /* bytes that data can hold */
	size_t size; /* bytes that it holds */
};

void text_add(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) PF_PRINTF(2, 3);

/*
 * Adds STRING between double quotes, as JSON (RFC 8259) wants it: quotes, backslashes and control
 * characters escaped, bytes that are not UTF-8 replaced by U+FFFD. The closing quote always fits.
 */
void text_add_quoted(struct text *text, const char *string);

/*
 * Adds STRING as it is, for people, in one line: control characters and bytes that are not UTF-8
 * are replaced.
 */
void text_add_line(struct text *text, const char *string);

/* Whether STRING can stand as a logfmt value without quotes. */
bool text_is_bare(const char *string);

#endif
