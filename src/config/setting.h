/*
 * A value as its writer gave it, before it is known what it has to be; and reading it as that.
 * Used for the server's own options and for those of modules.
 */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "config/value.h"

struct option_word;

/* Borrows its text. */
struct setting {
	enum config_value_kind kind;
	const char *text;  /* TEXT, STRING; OTHER: what it is, as in "a list" */
	int64_t integer;   /* INTEGER; BOOL as 0 or 1 */
	bool has_fraction; /* OTHER: it is the number FRACTION */
	double fraction;
};

/*
 * Each reads a setting as one type. Returns 0, or -1 with an error that says what was given and
 * what would be right. A string that is returned is the setting's.
 */
PF_MUST_CHECK int setting_bool(const struct setting *setting, bool *value, struct error *error);
PF_MUST_CHECK int setting_integer(const struct setting *setting, struct value_range range,
	int64_t *value, struct error *error);
PF_MUST_CHECK int setting_size(const struct setting *setting, struct value_range range,
	int64_t *value, struct error *error);
PF_MUST_CHECK int setting_duration(const struct setting *setting, struct value_range range,
	int64_t *value, struct error *error);
PF_MUST_CHECK int setting_rate(const struct setting *setting, struct value_range range,
	int64_t *value, struct error *error);
PF_MUST_CHECK int setting_share(const struct setting *setting, int64_t *value, struct error *error);
PF_MUST_CHECK int setting_mode(const struct setting *setting, struct value_range range,
	int64_t *value, struct error *error);
PF_MUST_CHECK int setting_string(
	const struct setting *setting, const char **value, struct error *error);
PF_MUST_CHECK int setting_word(const struct setting *setting, const struct option_word *words,
	int *value, struct error *error);

#endif
