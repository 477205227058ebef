#include <config.h>

#include "config/prescan.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "config/bare_value.h"
#include "config/text_file.h"

enum {
	INCLUDES_MAX = 10, /* as deep as libconfig goes */
	LEVELS_MAX = 32,   /* braces and brackets within each other */
	KEY_MAX = 192,
};

/* A brace or bracket that is open. */
struct level {
	char open;
	unsigned line;
	struct span name; /* of the key before it */
};

/* One load; lent to each file in its turn. */
struct scan {
	const char *path; /* of the configuration */
	struct level levels[LEVELS_MAX];
	size_t depth;
	unsigned includes;
	struct error *error;
};

/* One file. */
struct source {
	struct scan *scan;
	const char *path;
	const char *at;
	unsigned line;
	size_t depth;    /* of the braces open when it began */
	bool line_start; /* nothing but blanks since the line began */
	bool value;      /* a value has to come next */
	bool string;     /* a string came last: another one continues it */
	struct span key; /* the last one */
};

static void
add_name(char *key, size_t room, struct span name)
{
	size_t size = strlen(key);

	if (name.size > 0)
		snprintf(key + size, room - size, "%s%.*s", size > 0 ? "." : "", (int)name.size,
			name.data);
}

/* Puts file, line and dotted key before the error. Always returns -1. */
static int
at_line(const struct source *source, unsigned line, struct span name)
{
	const struct scan *scan = source->scan;
	char key[KEY_MAX] = "";

	for (size_t i = 0; i < scan->depth; i++)
		add_name(key, sizeof(key), scan->levels[i].name);
	add_name(key, sizeof(key), name);
	if (key[0] != '\0')
		error_prefix(scan->error, "%s: ", key);
	return error_prefix(scan->error, "%s:%u: ", source->path, line);
}

static int
here(const struct source *source)
{
	return at_line(source, source->line, source->key);
}

/* Moves behind END, counting lines; false if END does not come. */
static bool
skip_past(struct source *source, const char *end)
{
	const char *found = strstr(source->at, end);

	if (found == NULL)
		return false;
	for (; source->at < found + strlen(end); source->at++)
		source->line += *source->at == '\n';
	return true;
}

static int
skip_comment(struct source *source)
{
	unsigned line = source->line;

	if (strncmp(source->at, "/*", 2) != 0) {
		source->at += strcspn(source->at, "\n");
		return 0;
	}
	source->at += strlen("/*");
	if (skip_past(source, "*/"))
		return 0;
	error_set(source->scan->error, "the comment that begins here never ends; expected \"*/\"");
	return at_line(source, line, (struct span){ 0 });
}

static int
skip_string(struct source *source)
{
	unsigned line = source->line;

	for (source->at++; *source->at != '\0' && *source->at != '"'; source->at++) {
		if (*source->at == '\\' && source->at[1] != '\0')
			source->at++;
		source->line += *source->at == '\n';
	}
	if (*source->at == '"') {
		source->at++;
		return 0;
	}
	error_set(source->scan->error, "the string that begins here never ends; expected '\"'");
	return at_line(source, line, source->key);
}

/* libconfig calls a string out of place a syntax error too, but leaks it. */
static int
scan_string(struct source *source)
{
	if (!source->value && !source->string) {
		error_set(source->scan->error,
			"no string can stand here; expected \"=\" between "
			"key and value, \",\" between the items of a list");
		return here(source);
	}
	source->value = false;
	source->string = true;
	return skip_string(source);
}

static char
closing(char open)
{
	return open == '{' ? '}' : open == '[' ? ']' : ')';
}

static int
enter_level(struct source *source)
{
	struct scan *scan = source->scan;

	if (scan->depth == LEVELS_MAX) {
		error_set(scan->error, "groups are nested too deep; expected at most %d levels",
			LEVELS_MAX);
		return here(source);
	}
	scan->levels[scan->depth++] = (struct level){ *source->at, source->line, source->key };
	source->key = (struct span){ 0 };
	source->value = *source->at != '{';
	source->at++;
	return 0;
}

static int
leave_level(struct source *source)
{
	struct scan *scan = source->scan;
	const struct level *level;

	if (scan->depth == source->depth) {
		error_set(scan->error, "\"%c\" closes nothing; expected none here", *source->at);
		return at_line(source, source->line, (struct span){ 0 });
	}
	level = &scan->levels[--scan->depth];
	if (*source->at != closing(level->open)) {
		error_set(scan->error, "\"%c\" cannot close the \"%c\" of line %u; expected \"%c\"",
			*source->at, level->open, level->line, closing(level->open));
		return at_line(source, source->line, level->name);
	}
	source->value = false;
	source->key = (struct span){ 0 };
	source->at++;
	return 0;
}

static bool
in_list(const struct source *source)
{
	const struct scan *scan = source->scan;

	return scan->depth > source->depth && scan->levels[scan->depth - 1].open != '{';
}

/* Whether a word that stands here is meant as a value: after "=", or in a list. */
static bool
value_expected(const struct source *source)
{
	return source->value || in_list(source);
}

static int
check_value(const struct source *source, const char *word)
{
	return bare_value_check(word, source->scan->error) == 0 ? 0 : here(source);
}

static int
check_key(struct source *source, const char *word)
{
	source->key = (struct span){ source->at - strlen(word), strlen(word) };
	if (isalpha((unsigned char)word[0]) || word[0] == '*')
		return 0;
	error_set(source->scan->error,
		"\"%.64s\" cannot stand here; expected a name, which begins "
		"with a letter, or \"=\" before a value",
		word);
	return at_line(source, source->line, (struct span){ 0 });
}

/* Whether BYTE can be part of a name; or of a value, which people forget to quote. */
static bool
in_word(char byte, bool is_value)
{
	return byte != '\0' &&
		(isalnum((unsigned char)byte) ||
			strchr(is_value ? "_-*+./:" : "_-*", byte) != NULL);
}

static bool
begins_comment(const char *text)
{
	return *text == '#' || strncmp(text, "//", 2) == 0 || strncmp(text, "/*", 2) == 0;
}

static size_t
word_size(const char *text, bool is_value)
{
	size_t size = 0;

	while (in_word(text[size], is_value) && !begins_comment(text + size))
		size++;
	return size;
}

static int
scan_word(struct source *source)
{
	bool is_value = value_expected(source);
	size_t size = word_size(source->at, is_value);
	char *word = strndup(source->at, size);
	int failed;

	if (word == NULL)
		return error_set(source->scan->error, "out of memory");
	source->at += size;
	failed = is_value ? check_value(source, word) : check_key(source, word);
	source->value = false;
	free(word);
	return failed;
}

static int scan_text(struct scan *scan, const char *path, const char *text);

static int
scan_included(struct source *source, const char *name)
{
	struct scan *scan = source->scan;
	char *path = text_file_beside(scan->path, name);
	char *text = path != NULL ? text_file_read(path, TEXT_FILE_REGULAR, scan->error) : NULL;
	int failed = -1;

	if (path == NULL)
		error_set(scan->error, "out of memory");
	else if (text == NULL)
		at_line(source, source->line, (struct span){ "@include", strlen("@include") });
	else
		failed = scan_text(scan, path, text);
	free(text);
	free(path);
	return failed;
}

/* libconfig knows an include only at the start of a line, and no escapes in its name. */
static int
scan_include(struct source *source)
{
	const char *name = source->at + strlen("@include");
	struct scan *scan = source->scan;
	size_t size;
	char *copy;
	int failed;

	name += strspn(name, " \t");
	size = *name == '"' ? strcspn(name + 1, "\"\\\n") : 0;
	if (*name != '"' || name[1 + size] != '"') {
		error_set(scan->error, "expected @include \"FILE\", the name in plain characters");
		return at_line(source, source->line, (struct span){ 0 });
	}
	if (scan->includes == INCLUDES_MAX) {
		error_set(scan->error,
			"@include is nested too deep; expected at most %d levels, "
			"and no file that includes itself",
			INCLUDES_MAX);
		return at_line(source, source->line, (struct span){ 0 });
	}
	copy = strndup(name + 1, size);
	if (copy == NULL)
		return error_set(scan->error, "out of memory");
	source->at = name + size + 2;
	scan->includes++;
	failed = scan_included(source, copy);
	scan->includes--;
	free(copy);
	return failed;
}

static int
scan_mark(struct source *source)
{
	switch (*source->at) {
	case '{':
	case '[':
	case '(':
		return enter_level(source);
	case '}':
	case ']':
	case ')':
		return leave_level(source);
	}
	source->value = strchr(in_list(source) ? "," : "=:", *source->at) != NULL;
	source->at++;
	return 0;
}

static int
scan_token(struct source *source)
{
	const char *at = source->at;

	if (begins_comment(at))
		return skip_comment(source);
	if (source->line_start && strncmp(at, "@include", strlen("@include")) == 0)
		return scan_include(source);
	source->line_start = false;
	if (*at == '"')
		return scan_string(source);
	source->string = false;
	if (*at != ':' && in_word(*at, value_expected(source)))
		return scan_word(source);
	return scan_mark(source);
}

static int
check_all_closed(const struct source *source)
{
	struct scan *scan = source->scan;
	const struct level *level;

	if (scan->depth == source->depth)
		return 0;
	level = &scan->levels[--scan->depth];
	error_set(scan->error, "the \"%c\" of this line is never closed; expected \"%c\"",
		level->open, closing(level->open));
	return at_line(source, level->line, level->name);
}

static int
scan_text(struct scan *scan, const char *path, const char *text)
{
	struct source source = { .scan = scan,
		.path = path,
		.at = text,
		.line = 1,
		.depth = scan->depth,
		.line_start = true };

	while (*source.at != '\0') {
		if (*source.at == '\n') {
			source.line++;
			source.line_start = true;
			source.at++;
		} else if (isspace((unsigned char)*source.at)) {
			source.at++;
		} else if (scan_token(&source) != 0) {
			return -1;
		}
	}
	return check_all_closed(&source);
}

char *
prescan(const char *path, struct error *error)
{
	struct scan scan = { .path = path, .error = error };
	char *text = text_file_read(path, TEXT_FILE_ANY, error);

	if (text == NULL)
		return NULL;
	if (scan_text(&scan, path, text) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
