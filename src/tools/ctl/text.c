#include <config.h>

#include "tools/ctl/text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

void
text_duration(int64_t ms, char text[static TEXT_MAX])
{
	const int64_t s = ms / 1000;

	if (ms < 1000)
		snprintf(text, TEXT_MAX, "%" PRId64 "ms", ms);
	else if (s < 120)
		snprintf(text, TEXT_MAX, "%" PRId64 "s", s);
	else if (s < 120 * 60)
		snprintf(text, TEXT_MAX, "%" PRId64 "m", s / 60);
	else if (s < 48 * 3600)
		snprintf(text, TEXT_MAX, "%" PRId64 "h", s / 3600);
	else
		snprintf(text, TEXT_MAX, "%" PRId64 "d", s / 86400);
}

/* Below ten with a digit more. */
static void
print(double value, const char *unit, char text[static TEXT_MAX])
{
	snprintf(text, TEXT_MAX, value < 10 && unit[0] != '\0' ? "%.1f%s" : "%.0f%s", value, unit);
}

void
text_fine_duration(bool known, uint64_t ns, char text[static TEXT_MAX])
{
	if (!known)
		strlcpy(text, "-", TEXT_MAX);
	else if (ns < 1000000)
		snprintf(text, TEXT_MAX, "%" PRIu64 "us", ns / 1000);
	else if (ns < 1000000000)
		print((double)ns / 1e6, "ms", text);
	else
		print((double)ns / 1e9, "s", text);
}

static void
scale(double value, double step, const char *const *units, size_t count, char text[static TEXT_MAX])
{
	size_t i = 0;

	while (value >= step && i + 1 < count) {
		value /= step;
		i++;
	}
	print(value, units[i], text);
}

void
text_bytes(bool known, uint64_t bytes, char text[static TEXT_MAX])
{
	static const char *const units[] = { "", "K", "M", "G", "T" };

	if (known)
		scale((double)bytes, 1024, units, countof(units), text);
	else
		strlcpy(text, "-", TEXT_MAX);
}

void
text_count(double count, char text[static TEXT_MAX])
{
	static const char *const units[] = { "", "k", "M", "G" };

	scale(count, 1000, units, countof(units), text);
}
