#include <config.h>

#include "tools/lib/arguments.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct unit {
	const char *suffix;
	int64_t factor;
};

static const struct unit sizes[] = {
	{ "", 1 },
	{ "K", 1 << 10 },
	{ "M", 1 << 20 },
	{ "G", 1 << 30 },
	{ 0 },
};

static const struct unit durations[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ 0 },
};

static const struct unit plain[] = { { "", 1 }, { 0 } };

void
arguments_refuse_option(void)
{
	fprintf(stderr, "Try '%s --help'.\n", getprogname());
	exit(EX_USAGE);
}

void
arguments_refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vwarnx(format, args);
	va_end(args);
	arguments_refuse_option();
}

void
arguments_print(const char *text)
{
	if (fputs(text, stdout) == EOF || fflush(stdout) != 0)
		err(EX_IOERR, "cannot write standard output");
	exit(EXIT_SUCCESS);
}

/* The number at the start of TEXT times what its unit says, or -1: MIN to MAX of that unit. */
static int64_t
parse_units(const char *text, const struct unit *units, int64_t min, int64_t max)
{
	size_t digits = strspn(text, "0123456789");
	char number[20];
	const char *bad;
	int64_t value;

	while (units->suffix != NULL && strcmp(units->suffix, text + digits) != 0)
		units++;
	if (units->suffix == NULL || digits >= sizeof(number))
		return -1;
	memcpy(number, text, digits);
	number[digits] = '\0';
	value = strtonum(number, min, max, &bad);
	return bad == NULL ? value * units->factor : -1;
}

int64_t
arguments_parse_size(const char *text)
{
	return parse_units(text, sizes, 0, 1 << 30);
}

int64_t
arguments_size(const char *option, const char *text)
{
	int64_t size = arguments_parse_size(text);

	if (size < 1)
		arguments_refuse("%s \"%s\": expected a size such as 64K or 16M", option, text);
	return size;
}

static int64_t
duration_from(int64_t min, const char *option, const char *text)
{
	int64_t duration = parse_units(text, durations, min, 1000 * 1000);

	if (duration < 0)
		arguments_refuse(
			"%s \"%s\": expected a duration such as 500ms, 10s or 5m", option, text);
	return duration;
}

int64_t
arguments_duration(const char *option, const char *text)
{
	return duration_from(1, option, text);
}

int64_t
arguments_duration_or_none(const char *option, const char *text)
{
	return duration_from(0, option, text);
}

int64_t
arguments_count(const char *option, const char *text)
{
	const int64_t max = 1000LL * 1000 * 1000 * 1000;
	int64_t count = parse_units(text, plain, 1, max);

	if (count < 0)
		arguments_refuse("%s \"%s\": expected a number from 1", option, text);
	return count;
}

int64_t
arguments_number(const char *option, const char *text, int64_t min, int64_t max)
{
	const char *bad;
	int64_t number = strtonum(text, min, max, &bad);

	if (bad != NULL)
		arguments_refuse("%s \"%s\": expected a number from %jd to %jd", option, text,
			(intmax_t)min, (intmax_t)max);
	return number;
}
