#include <config.h>

#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first, ended by one without a name. */
static const struct unit sizes[] = {
	{ "G", 1024 * 1024 * 1024 },
	{ "M", 1024 * 1024 },
	{ "K", 1024 },
	{ "", 1 },
	{ 0 },
};

static const struct unit durations[] = {
	{ "h", 60 * 60 * 1000 },
	{ "m", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
	{ 0 },
};

static const struct unit no_units[] = {
	{ "", 1 },
	{ 0 },
};

/* The unit that TEXT is the whole name of, or NULL. */
static const struct unit *
find_unit(const struct unit *units, const char *text)
{
	for (; units->name != NULL; units++) {
		if (strcasecmp(units->name, text) == 0)
			return units;
	}
	return NULL;
}

/* Reads digits and a unit. What does not fit becomes INT64_MAX. Returns 0, or -1. */
static int
parse(const char *text, const struct unit *units, int64_t *value)
{
	const struct unit *unit;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	*value = strtoll(text, &end, 10); /* at most INT64_MAX, which is what we want */
	unit = find_unit(units, end);
	if (unit == NULL)
		return -1;
	if (__builtin_mul_overflow(*value, unit->factor, value))
		*value = INT64_MAX;
	return 0;
}

static void
print(int64_t value, const struct unit *units, char text[static VALUE_TEXT_MAX])
{
	while (units->factor > 1 && (value == 0 || value % units->factor != 0))
		units++;
	snprintf(text, VALUE_TEXT_MAX, "%" PRId64 "%s", value / units->factor, units->name);
}

void
value_print_size(int64_t value, char text[static VALUE_TEXT_MAX])
{
	print(value, sizes, text);
}

void
value_print_duration(int64_t value_ms, char text[static VALUE_TEXT_MAX])
{
	if (value_ms == 0)
		strlcpy(text, "off", VALUE_TEXT_MAX);
	else
		print(value_ms, durations, text);
}

void
value_print_rate(int64_t value, char text[static VALUE_TEXT_MAX])
{
	if (value == 0)
		strlcpy(text, "off", VALUE_TEXT_MAX);
	else if (value == INT64_MAX)
		strlcpy(text, "on", VALUE_TEXT_MAX);
	else
		print(value, no_units, text);
}

void
value_print_share(int64_t value, char text[static VALUE_TEXT_MAX])
{
	size_t size;

	snprintf(text, VALUE_TEXT_MAX, "%" PRId64 ".%06" PRId64, value / VALUE_SHARE_ALL,
		value % VALUE_SHARE_ALL);
	size = strlen(text);
	while (text[size - 1] == '0')
		size--;
	text[text[size - 1] == '.' ? size - 1 : size] = '\0';
}

void
value_print_mode(int64_t value, char text[static VALUE_TEXT_MAX])
{
	snprintf(text, VALUE_TEXT_MAX, "%04" PRIo64, (uint64_t)value);
}

static bool
in_range(int64_t value, struct value_range range)
{
	return value >= range.min && value <= range.max;
}

int
value_check_integer(int64_t value, struct value_range range, struct error *error)
{
	if (in_range(value, range))
		return 0;
	return error_set(error, "%" PRId64 " is out of range; expected %" PRId64 " to %" PRId64,
		value, range.min, range.max);
}

int
value_check_size(int64_t value, struct value_range range, struct error *error)
{
	char min[VALUE_TEXT_MAX], max[VALUE_TEXT_MAX];

	if (in_range(value, range))
		return 0;
	value_print_size(range.min, min);
	value_print_size(range.max, max);
	return error_set(
		error, "%" PRId64 " bytes are out of range; expected %s to %s", value, min, max);
}

static int
rate_out_of_range(const char *text, struct value_range range, struct error *error)
{
	return error_set(error,
		"%.64s is out of range; expected \"off\", \"on\" or a number from %" PRId64
		" to %" PRId64,
		text, range.min, range.max);
}

int
value_check_rate(int64_t value, struct value_range range, struct error *error)
{
	char text[VALUE_TEXT_MAX];

	if (in_range(value, range))
		return 0;
	snprintf(text, sizeof(text), "%" PRId64, value);
	return rate_out_of_range(text, range, error);
}

int
value_integer(const char *text, struct value_range range, int64_t *value, struct error *error)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	if ((text[0] != '-' && !isdigit((unsigned char)text[0])) || end == text || *end != '\0')
		return error_set(error,
			"\"%.64s\" is no whole number; expected %" PRId64 " to %" PRId64, text,
			range.min, range.max);
	if (errno == ERANGE)
		return error_set(error, "%.64s is out of range; expected %" PRId64 " to %" PRId64,
			text, range.min, range.max);
	return value_check_integer(*value, range, error);
}

int
value_size(const char *text, struct value_range range, int64_t *value, struct error *error)
{
	char min[VALUE_TEXT_MAX], max[VALUE_TEXT_MAX];

	value_print_size(range.min, min);
	value_print_size(range.max, max);
	if (parse(text, sizes, value) != 0)
		return error_set(error,
			"\"%.64s\" is no size; expected bytes, as in \"64K\" or "
			"\"1M\", from %s to %s",
			text, min, max);
	if (!in_range(*value, range))
		return error_set(error, "%.64s is out of range; expected %s to %s", text, min, max);
	return 0;
}

int
value_duration(const char *text, struct value_range range, int64_t *value, struct error *error)
{
	bool can_be_off = range.min <= 0;
	const char *or_off = can_be_off ? ", or \"off\"" : "";
	char min[VALUE_TEXT_MAX], max[VALUE_TEXT_MAX], step[VALUE_TEXT_MAX];

	if (can_be_off && strcmp(text, "off") == 0) {
		*value = 0;
		return 0;
	}
	if (can_be_off)
		range.min = range.step > 0 ? range.step : 1;
	value_print_duration(range.min, min);
	value_print_duration(range.max, max);
	if (parse(text, durations, value) != 0)
		return error_set(error,
			"\"%.64s\" is no duration; expected a number and its unit, "
			"as in \"500ms\", \"10s\" or \"5m\", from %s to %s%s",
			text, min, max, or_off);
	if (!in_range(*value, range))
		return error_set(error, "%.64s is out of range; expected %s to %s%s", text, min,
			max, or_off);
	if (range.step > 0 && *value % range.step != 0) {
		value_print_duration(range.step, step);
		return error_set(error, "%.64s is no multiple of %s; expected %s to %s%s", text,
			step, min, max, or_off);
	}
	return 0;
}

int
value_rate(const char *text, struct value_range range, int64_t *value, struct error *error)
{
	if (strcmp(text, "off") == 0)
		*value = 0;
	else if (strcmp(text, "on") == 0)
		*value = VALUE_RATE_ALL;
	else if (parse(text, no_units, value) != 0)
		return error_set(error,
			"\"%.64s\" is no rate; expected \"off\", \"on\" or a number from %" PRId64
			" to %" PRId64,
			text, range.min, range.max);
	else if (!in_range(*value, range))
		return rate_out_of_range(text, range, error);
	return 0;
}

int
value_share(const char *text, int64_t *value, struct error *error)
{
	const bool is_number =
		isdigit((unsigned char)text[0]) && strspn(text, "0123456789.eE-") == strlen(text);
	char *end;
	const double share = strtod(text, &end);

	if (!is_number || *end != '\0' || share > 1)
		return error_set(error,
			"\"%.64s\" is no part of all; expected a number from 0 to 1, such as 0.01",
			text);
	*value = (int64_t)(share * VALUE_SHARE_ALL + 0.5);
	return 0;
}

int
value_mode(const char *text, struct value_range range, int64_t *value, struct error *error)
{
	char min[VALUE_TEXT_MAX], max[VALUE_TEXT_MAX];

	value_print_mode(range.min, min);
	value_print_mode(range.max, max);
	if (text[0] == '\0' || text[strspn(text, "01234567")] != '\0')
		return error_set(error,
			"\"%.64s\" is no mode; expected octal digits, as in \"0660\", from %s to %s",
			text, min, max);
	*value = strtoll(text, NULL, 8);
	if (!in_range(*value, range))
		return error_set(error, "%.64s is out of range; expected %s to %s", text, min, max);
	return 0;
}
