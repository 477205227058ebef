/*
 * Numbers, sizes, durations, rates, shares and modes: from text as users write it, and back.
 * Nothing overflows: what is too large is out of range. An error says what is wrong and what would
 * be right.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

enum {
	VALUE_TEXT_MAX = 32, /* bytes of any value as text, with its end */
};

struct value_range {
	int64_t min, max;
	int64_t step; /* of durations, which must be multiples of it; 0: any will do */
};

/* A whole number, as in "4" or "-1". */
PF_MUST_CHECK int value_integer(
	const char *text, struct value_range range, int64_t *value, struct error *error);

/* Bytes, as in "65536", "64K", "1M" or "1G". */
PF_MUST_CHECK int value_size(
	const char *text, struct value_range range, int64_t *value, struct error *error);

/*
 * Milliseconds, as in "500ms", "10s", "5m" or "1h". Where the range begins at 0, "off" is 0, and
 * the least time is a step; no other text is 0, for a time of nothing could be meant as "at once"
 * or as "never".
 */
PF_MUST_CHECK int value_duration(
	const char *text, struct value_range range, int64_t *value, struct error *error);

/* A rate that is no limit. */
#define VALUE_RATE_ALL INT64_MAX

/* How often at most: "off" is 0, "on" VALUE_RATE_ALL, anything else a number in range. */
PF_MUST_CHECK int value_rate(
	const char *text, struct value_range range, int64_t *value, struct error *error);

/* A part of all, from "0" to "1", as in "0.01", in millionths; finer ones are rounded. */
PF_MUST_CHECK int value_share(const char *text, int64_t *value, struct error *error);

enum {
	VALUE_SHARE_ALL = 1000000,
};

/* Permissions of a file as chmod(1) has them: octal digits, as in "0660" or "660". */
PF_MUST_CHECK int value_mode(
	const char *text, struct value_range range, int64_t *value, struct error *error);

/* Whether a number that needs no reading is in range, with the same errors. */
PF_MUST_CHECK int value_check_integer(int64_t value, struct value_range range, struct error *error);
PF_MUST_CHECK int value_check_size(int64_t value, struct value_range range, struct error *error);
PF_MUST_CHECK int value_check_rate(int64_t value, struct value_range range, struct error *error);

/*
 * Text that value_size, value_duration, value_rate, value_share and value_mode read, in the largest
 * unit that is exact.
 */
void value_print_size(int64_t value, char text[static VALUE_TEXT_MAX]);
void value_print_duration(int64_t value_ms, char text[static VALUE_TEXT_MAX]);
void value_print_rate(int64_t value, char text[static VALUE_TEXT_MAX]);
void value_print_share(int64_t value, char text[static VALUE_TEXT_MAX]);
void value_print_mode(int64_t value, char text[static VALUE_TEXT_MAX]);

#endif
