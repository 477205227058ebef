#include <config.h>

#include "config/text_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	SIZE_LIMIT = 1024 * 1024, /* bytes: far beyond what anybody writes */
};

/* Fills TEXT, which has room for one byte more than the limit. Returns 0, or -1. */
static int
read_stream(FILE *file, const char *path, char *text, struct error *error)
{
	size_t size;

	errno = 0;
	size = fread(text, 1, SIZE_LIMIT + 1, file);
	if (ferror(file))
		return error_errno(error, "%s: cannot read it", path);
	if (size > SIZE_LIMIT)
		return error_set(
			error, "%s: is too large; expected at most %d bytes", path, SIZE_LIMIT);
	if (memchr(text, '\0', size) != NULL)
		return error_set(error, "%s: holds zero bytes; expected text", path);
	text[size] = '\0';
	return 0;
}

static FILE *
open_stream(const char *path, enum text_file_kind kind, struct error *error)
{
	struct stat status;
	FILE *file;

	if (stat(path, &status) != 0) {
		error_errno(error, "%s: cannot open it", path);
		return NULL;
	}
	if (S_ISDIR(status.st_mode)) {
		error_set(error, "%s: is a directory; expected a file", path);
		return NULL;
	}
	if (kind == TEXT_FILE_REGULAR && !S_ISREG(status.st_mode)) {
		error_set(error, "%s: is a pipe or a device; expected a file", path);
		return NULL;
	}
	file = fopen(path, "re");
	if (file == NULL)
		error_errno(error, "%s: cannot open it", path);
	return file;
}

char *
text_file_read(const char *path, enum text_file_kind kind, struct error *error)
{
	FILE *file = open_stream(path, kind, error);
	char *text;

	if (file == NULL)
		return NULL;
	text = malloc(SIZE_LIMIT + 1);
	if (text == NULL) {
		error_set(error, "%s: out of memory", path);
	} else if (read_stream(file, path, text, error) != 0) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

char *
text_file_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *joined;

	if (name[0] == '/' || slash == NULL)
		return strdup(name);
	if (asprintf(&joined, "%.*s%s", (int)(slash + 1 - path), path, name) < 0)
		return NULL;
	return joined;
}
