#include <config.h>

#include "process/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* Where the title stands: the process has one, so this is the process's. */
static struct {
	char *start;
	size_t first_size; /* of the former argv[0] */
} title;

void
title_init(int argc, char *argv[])
{
	if (argc == 0)
		return;
	title.start = argv[0];
	title.first_size = strlen(argv[0]);
	setproctitle_init(argc, argv, environ);
}

void
title_set(const char *format, ...)
{
	char text[512] = PACKAGE_NAME ": ";
	size_t size = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + size, sizeof(text) - size, format, args);
	va_end(args);
	setproctitle("-%s", text);
	/* It marks the end of argv[0] behind a title that is not longer, which ps would show. */
	if (title.start != NULL && strlen(text) <= title.first_size)
		title.start[title.first_size] = '\0';
}
