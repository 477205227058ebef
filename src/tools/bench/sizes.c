#include <config.h>

#include "tools/bench/sizes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "tools/lib/arguments.h"

enum {
	LIST_MAX = 1 << 20,
	SIZE_TEXT_MAX = 32,
};

static int
too_large(size_t most, struct error *error)
{
	return error_set(error, "is larger than --max-size %zu", most);
}

/* One size of SIZE characters at TEXT. Returns it, or -1. */
static int64_t
parse_size(const char *text, size_t size)
{
	char number[SIZE_TEXT_MAX];

	if (size == 0 || size >= sizeof(number))
		return -1;
	memcpy(number, text, size);
	number[size] = '\0';
	return arguments_parse_size(number);
}

static int
parse_range(struct sizes *sizes, const char *text, struct error *error)
{
	size_t length = strcspn(text, "-");
	int64_t least = parse_size(text, length);
	int64_t most = text[length] == '-' ? arguments_parse_size(text + length + 1) : least;

	if (least < 0 || most < least)
		return error_set(error,
			"\"%s\": expected a size as 64 or 16K, a range as 64-4K, exp:MEAN or "
			"file:PATH",
			text);
	sizes->kind = least == most ? SIZES_FIXED : SIZES_RANGE;
	sizes->least = (size_t)least;
	sizes->most = (size_t)most;
	return 0;
}

static int
parse_exponential(struct sizes *sizes, const char *text, size_t most, struct error *error)
{
	int64_t mean = arguments_parse_size(text);

	if (mean < 1)
		return error_set(error, "exp:%s: expected a mean such as 512 or 4K", text);
	sizes->kind = SIZES_EXPONENTIAL;
	sizes->mean = (double)mean;
	sizes->least = 1;
	sizes->most = most;
	return (size_t)mean > most ? too_large(most, error) : 0;
}

static int
add_line(struct sizes *sizes, const char *line, const char *path, struct error *error)
{
	int64_t size = parse_size(line, strcspn(line, "\n"));

	if (size < 0)
		return error_set(
			error, "\"%s\", line %zu: expected a size", path, sizes->count + 1);
	if (sizes->count == LIST_MAX)
		return error_set(error, "\"%s\" has more than %d lines", path, LIST_MAX);
	sizes->list[sizes->count++] = (size_t)size;
	sizes->least = MIN(sizes->least, (size_t)size);
	sizes->most = MAX(sizes->most, (size_t)size);
	return 0;
}

static int
read_list(struct sizes *sizes, FILE *file, const char *path, struct error *error)
{
	char line[SIZE_TEXT_MAX];
	int failed = 0;

	while (failed == 0 && fgets(line, sizeof(line), file) != NULL)
		failed = add_line(sizes, line, path, error);
	if (failed == 0 && ferror(file))
		failed = error_errno(error, "cannot read \"%s\"", path);
	if (failed == 0 && sizes->count == 0)
		failed = error_set(error, "\"%s\" has no sizes", path);
	return failed;
}

static int
parse_file(struct sizes *sizes, const char *path, struct error *error)
{
	FILE *file = fopen(path, "re");
	int failed;

	if (file == NULL)
		return error_errno(error, "cannot open \"%s\"", path);
	sizes->kind = SIZES_LIST;
	sizes->least = SIZE_MAX;
	sizes->list = calloc(LIST_MAX, sizeof(sizes->list[0]));
	failed = sizes->list == NULL ? error_errno(error, "cannot hold the sizes")
				     : read_list(sizes, file, path, error);
	fclose(file);
	return failed;
}

int
sizes_parse(struct sizes *sizes, const char *text, size_t most, struct error *error)
{
	int failed;

	*sizes = (struct sizes){ .state = 1 };
	if (strncmp(text, "exp:", 4) == 0)
		failed = parse_exponential(sizes, text + 4, most, error);
	else if (strncmp(text, "file:", 5) == 0)
		failed = parse_file(sizes, text + 5, error);
	else
		failed = parse_range(sizes, text, error);
	if (failed == 0 && sizes->most > most)
		failed = too_large(most, error);
	if (failed != 0)
		sizes_free(sizes);
	return failed;
}

void
sizes_free(struct sizes *sizes)
{
	free(sizes->list);
	sizes->list = NULL;
}

/* The next number from 0 to below 1; splitmix64 (Steele, Lea, Flood: Fast Splittable PRNGs). */
static double
next_random(struct sizes *sizes)
{
	uint64_t z = sizes->state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

size_t
sizes_next(struct sizes *sizes, size_t number)
{
	double drawn;

	switch (sizes->kind) {
	case SIZES_FIXED:
		break;
	case SIZES_RANGE:
		drawn = next_random(sizes) * (double)(sizes->most - sizes->least + 1);
		return sizes->least + (size_t)drawn;
	case SIZES_EXPONENTIAL:
		drawn = -sizes->mean * log(1 - next_random(sizes));
		drawn = MIN(drawn, (double)sizes->most);
		return MAX((size_t)(drawn + 0.5), sizes->least);
	case SIZES_LIST:
		return sizes->list[number % sizes->count];
	}
	return sizes->least;
}
