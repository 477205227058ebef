#include <config.h>

#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
error_set(struct error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -1;
}

int
error_errno(struct error *error, const char *format, ...)
{
	const char *reason = strerror(errno);
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	strlcat(error->text, ": ", sizeof(error->text));
	strlcat(error->text, reason, sizeof(error->text));
	return -1;
}

int
error_prefix(struct error *error, const char *format, ...)
{
	char before[sizeof(error->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(before, sizeof(before), format, args);
	va_end(args);
	strlcat(before, error->text, sizeof(before));
	strlcpy(error->text, before, sizeof(error->text));
	return -1;
}

void
error_make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		if (iscntrl((unsigned char)*text) && *text != '\n')
			*text = '?';
	}
}
