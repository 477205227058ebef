/* The configuration from the command line: one service, named "main". */
#include <config.h>

#include "config/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/draft.h"
#include "config/place.h"

#define SERVICE_NAME   "main"
#define SERVICE_PREFIX "services." SERVICE_NAME "."
#define LOG_PREFIX     "log."
#define ADMIN_PREFIX   "admin."
#define TRACES_PREFIX  "traces."
#define OPTIONS_PREFIX "options."

/* An argument as it was given: "--set workers=2". */
struct argument {
	struct draft *draft;
	const char *flag; /* "--set" */
	const char *text; /* "workers=2" */
	struct config_place place;
	struct error *error;
};

static int
at_argument(const struct argument *argument)
{
	return place_error(argument->error, &argument->place, "");
}

static int
set_place(struct argument *argument)
{
	char *whole;

	if (asprintf(&whole, "%s %s", argument->flag, argument->text) < 0)
		return error_set(argument->error, "out of memory");
	argument->place = (struct config_place){ .file = draft_keep(argument->draft, whole) };
	free(whole);
	return argument->place.file != NULL ? 0 : error_set(argument->error, "out of memory");
}

/* Cuts "key=value". Returns the key, to be freed, or NULL with an error. */
static char *
cut_key(const struct argument *argument, const char **value)
{
	const char *equals = strchr(argument->text, '=');
	char *key;

	if (equals == NULL || equals == argument->text) {
		error_set(argument->error, "expected key=value");
		at_argument(argument);
		return NULL;
	}
	*value = equals + 1;
	key = strndup(argument->text, (size_t)(equals - argument->text));
	if (key == NULL)
		error_set(argument->error, "out of memory");
	return key;
}

static int
set_option(const struct argument *argument, const struct option *option, const char *value)
{
	struct setting setting = { .kind = CONFIG_VALUE_TEXT, .text = value };

	return draft_set(argument->draft, option, &setting, argument->place, argument->error);
}

/* The scope of a dotted key; *KEY moves behind what says so. */
static enum option_scope
scope_of(const char **key)
{
	if (strncmp(*key, LOG_PREFIX, strlen(LOG_PREFIX)) == 0) {
		*key += strlen(LOG_PREFIX);
		return OPTION_LOG;
	}
	if (strncmp(*key, ADMIN_PREFIX, strlen(ADMIN_PREFIX)) == 0) {
		*key += strlen(ADMIN_PREFIX);
		return OPTION_ADMIN;
	}
	if (strncmp(*key, TRACES_PREFIX, strlen(TRACES_PREFIX)) == 0) {
		*key += strlen(TRACES_PREFIX);
		return OPTION_TRACES;
	}
	if (strncmp(*key, SERVICE_PREFIX, strlen(SERVICE_PREFIX)) == 0) {
		*key += strlen(SERVICE_PREFIX);
		return OPTION_SERVICE;
	}
	return OPTION_GLOBAL;
}

static int
unknown_key(const struct argument *argument, enum option_scope scope, const char *key)
{
	const char *prefixes[] = {
		[OPTION_GLOBAL] = "",
		[OPTION_LOG] = LOG_PREFIX,
		[OPTION_ADMIN] = ADMIN_PREFIX,
		[OPTION_TRACES] = TRACES_PREFIX,
		[OPTION_SERVICE] = SERVICE_PREFIX,
	};
	const char *nearest = option_nearest(scope, key), *prefix = prefixes[scope];

	if (nearest == NULL && scope == OPTION_GLOBAL)
		nearest = option_nearest(OPTION_SERVICE, key);
	if (strncmp(key, OPTIONS_PREFIX, strlen(OPTIONS_PREFIX)) == 0)
		error_set(argument->error, "is an option of the module; expected --option %s=VALUE",
			key + strlen(OPTIONS_PREFIX));
	else if (nearest != NULL && strcmp(nearest, key) == 0)
		error_set(argument->error, "is a group; expected one of its keys, as %s%s.KEY",
			prefix, key);
	else if (nearest != NULL)
		error_set(argument->error, "unknown key; did you mean \"%s%s\"?", prefix, nearest);
	else
		error_set(argument->error,
			"unknown key; expected one of preforkd.conf(5), such "
			"as workers, log.level or " SERVICE_PREFIX "idle_timeout");
	return at_argument(argument);
}

static int
add_set(const struct argument *argument, const char *dotted, const char *value)
{
	const char *key = dotted;
	enum option_scope scope = scope_of(&key);
	const struct option *option = option_find(scope, key);

	if (option == NULL && scope == OPTION_GLOBAL)
		option = option_find(OPTION_SERVICE, key);
	if (option == NULL)
		return unknown_key(argument, scope, key);
	return set_option(argument, option, value);
}

/* Only what a file could say too, so that -T can print it. */
static int
check_module_key(const struct argument *argument, const char *key)
{
	size_t i = 0;

	while (isalnum((unsigned char)key[i]) || key[i] == '_' || key[i] == '-')
		i++;
	if (key[i] == '\0' && isalpha((unsigned char)key[0]))
		return 0;
	error_set(argument->error,
		"\"%.64s\" is no key; expected a letter, then letters, digits, "
		"'_' and '-'",
		key);
	return at_argument(argument);
}

static int
add_module_option(const struct argument *argument, const char *key, const char *value)
{
	struct setting setting = { .kind = CONFIG_VALUE_TEXT, .text = value };

	if (check_module_key(argument, key) != 0)
		return -1;
	return draft_set_module_option(
		argument->draft, key, &setting, argument->place, argument->error);
}

static int
add_whole(const struct argument *argument)
{
	const char *key = argument->flag + strlen("--");

	return set_option(argument, option_find(OPTION_SERVICE, key), argument->text);
}

static int
add_pair(const struct argument *argument,
	int (*add)(const struct argument *argument, const char *key, const char *value))
{
	const char *value;
	char *key = cut_key(argument, &value);
	int failed;

	if (key == NULL)
		return -1;
	failed = add(argument, key, value);
	free(key);
	return failed;
}

static int
add_pairs(struct argument *argument, const char *const *texts, size_t count,
	int (*add)(const struct argument *argument, const char *key, const char *value))
{
	for (size_t i = 0; i < count; i++) {
		argument->text = texts[i];
		if (set_place(argument) != 0 || add_pair(argument, add) != 0)
			return -1;
	}
	return 0;
}

static int
add_wholes(struct argument *argument, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		argument->text = texts[i];
		if (set_place(argument) != 0 || add_whole(argument) != 0)
			return -1;
	}
	return 0;
}

static int
add_all(struct draft *draft, const struct config_arguments *arguments, struct error *error)
{
	struct argument listen = { .draft = draft, .flag = "--listen", .error = error };
	struct argument module = { .draft = draft, .flag = "--module", .error = error };
	struct argument option = { .draft = draft, .flag = "--option", .error = error };
	struct argument set = { .draft = draft, .flag = "--set", .error = error };

	if (add_wholes(&listen, arguments->listen, arguments->listen_count) != 0 ||
		add_wholes(&module, &arguments->module, 1) != 0 ||
		add_pairs(&option, arguments->options, arguments->option_count,
			add_module_option) != 0)
		return -1;
	return add_pairs(&set, arguments->set, arguments->set_count, add_set);
}

static int
check_complete(const struct config_arguments *arguments, struct error *error)
{
	if (arguments->listen_count == 0)
		return error_set(error, "--listen is missing; expected --listen ADDRESS:PORT");
	if (arguments->module == NULL)
		return error_set(error, "--module is missing; expected --module NAME");
	return 0;
}

struct config *
config_from_arguments(const struct config_arguments *arguments, struct error *error)
{
	struct config_place nowhere = { 0 };
	struct draft draft;

	if (check_complete(arguments, error) != 0 || draft_start(&draft, error) != 0)
		return NULL;
	if (draft_add_service(&draft, SERVICE_NAME, nowhere, error) != 0 ||
		add_all(&draft, arguments, error) != 0) {
		draft_abandon(&draft);
		return NULL;
	}
	return draft_finish(&draft, error);
}
