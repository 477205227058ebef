/*
 * The configuration from a file. libconfig parses it; what it makes of it is walked once, from
 * the top down, and set in a draft.
 */
#include <config.h>

#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/draft.h"
#include "config/place.h"
#include "config/prescan.h"
#include "config/text_file.h"

struct load {
	const char *path;
	config_t tree;
	struct draft draft;
	struct error *error;
};

static struct setting
setting_of(const config_setting_t *at)
{
	switch (config_setting_type(at)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return (struct setting){ .kind = CONFIG_VALUE_INTEGER,
			.integer = config_setting_get_int64(at) };
	case CONFIG_TYPE_BOOL:
		return (struct setting){ .kind = CONFIG_VALUE_BOOL,
			.integer = config_setting_get_bool(at) };
	case CONFIG_TYPE_STRING:
		return (struct setting){ .kind = CONFIG_VALUE_STRING,
			.text = config_setting_get_string(at) };
	case CONFIG_TYPE_FLOAT:
		return (struct setting){ .kind = CONFIG_VALUE_OTHER,
			.text = "a number with a fraction",
			.has_fraction = true,
			.fraction = config_setting_get_float(at) };
	case CONFIG_TYPE_GROUP:
		return (struct setting){ .kind = CONFIG_VALUE_OTHER, .text = "a group" };
	}
	return (struct setting){ .kind = CONFIG_VALUE_OTHER, .text = "a list" };
}

/* libconfig forgets its file names with its tree, and has none for the file that it began with. */
static int
place_of(struct load *load, const config_setting_t *at, struct config_place *place)
{
	const char *file = config_setting_source_file(at);
	char *path = file != NULL ? text_file_beside(load->path, file) : strdup(load->path);

	place->file = path != NULL ? draft_keep(&load->draft, path) : NULL;
	place->line = config_setting_source_line(at);
	free(path);
	return place->file != NULL ? 0 : error_set(load->error, "out of memory");
}

static int
unknown_key(struct load *load, enum option_scope scope, const char *key, struct config_place place)
{
	const char *nearest = option_nearest(scope, key);

	if (scope == OPTION_GLOBAL && option_find(OPTION_SERVICE, key) != NULL)
		error_set(load->error,
			"is an option of a service; expected it in a group of services");
	else if (scope == OPTION_SERVICE && option_find(OPTION_GLOBAL, key) != NULL)
		error_set(load->error, "is a global option; expected it at the top level");
	else if (nearest != NULL)
		error_set(load->error, "unknown key; did you mean \"%s\"?", nearest);
	else
		error_set(load->error, "unknown key; expected one of preforkd.conf(5)");
	return draft_error(&load->draft, scope, key, place, load->error);
}

/* Refuses anything but a group. EXAMPLE is what would be right. */
static int
expect_group(struct load *load, const config_setting_t *at, const char *key, const char *example)
{
	struct config_place place;

	if (config_setting_is_group(at))
		return 0;
	if (place_of(load, at, &place) != 0)
		return -1;
	error_set(load->error, "is no group; expected %s", example);
	return place_error(load->error, &place, key);
}

static int
load_value(struct load *load, const struct option *option, const config_setting_t *at)
{
	struct setting setting = setting_of(at);
	struct config_place place;

	if (place_of(load, at, &place) != 0)
		return -1;
	return draft_set(&load->draft, option, &setting, place, load->error);
}

static int
load_list(struct load *load, const struct option *option, const config_setting_t *list)
{
	for (int i = 0; i < config_setting_length(list); i++) {
		if (load_value(load, option, config_setting_get_elem(list, (unsigned)i)) != 0)
			return -1;
	}
	return 0;
}

static int
load_option(struct load *load, enum option_scope scope, const config_setting_t *at)
{
	const char *key = config_setting_name(at);
	const struct option *option = option_find(scope, key);
	struct config_place place;

	if (option == NULL) {
		if (place_of(load, at, &place) != 0)
			return -1;
		return unknown_key(load, scope, key, place);
	}
	if (option_is_list(option) && (config_setting_is_array(at) || config_setting_is_list(at)))
		return load_list(load, option, at);
	return load_value(load, option, at);
}

static int
load_module_option(struct load *load, const config_setting_t *at)
{
	struct setting setting = setting_of(at);
	struct config_place place;
	char key[DRAFT_KEY_MAX];

	if (place_of(load, at, &place) != 0)
		return -1;
	if (setting.kind != CONFIG_VALUE_OTHER)
		return draft_set_module_option(
			&load->draft, config_setting_name(at), &setting, place, load->error);
	error_set(load->error, "got %s; expected true, false, a whole number or a string",
		setting.text);
	snprintf(key, sizeof(key), "options.%s", config_setting_name(at));
	return draft_error(&load->draft, OPTION_SERVICE, key, place, load->error);
}

static int
for_each(struct load *load, const config_setting_t *group,
	int (*visit)(struct load *load, const config_setting_t *at))
{
	for (int i = 0; i < config_setting_length(group); i++) {
		if (visit(load, config_setting_get_elem(group, (unsigned)i)) != 0)
			return -1;
	}
	return 0;
}

static int
load_service_member(struct load *load, const config_setting_t *at)
{
	const char *service = config_setting_name(config_setting_parent(at));
	char key[DRAFT_KEY_MAX];

	if (strcmp(config_setting_name(at), "options") != 0)
		return load_option(load, OPTION_SERVICE, at);
	snprintf(key, sizeof(key), "services.%s.options", service);
	if (expect_group(load, at, key, "options = { key = value }") != 0)
		return -1;
	return for_each(load, at, load_module_option);
}

static int
load_service(struct load *load, const config_setting_t *at)
{
	const char *name = config_setting_name(at);
	struct config_place place;
	char key[DRAFT_KEY_MAX];

	snprintf(key, sizeof(key), "services.%s", name);
	if (expect_group(load, at, key, "a group for each service, NAME = { key = value }") != 0 ||
		place_of(load, at, &place) != 0 ||
		draft_add_service(&load->draft, name, place, load->error) != 0)
		return -1;
	return for_each(load, at, load_service_member);
}

static int
load_log_member(struct load *load, const config_setting_t *at)
{
	return load_option(load, OPTION_LOG, at);
}

static int
load_admin_member(struct load *load, const config_setting_t *at)
{
	return load_option(load, OPTION_ADMIN, at);
}

static int
load_traces_member(struct load *load, const config_setting_t *at)
{
	return load_option(load, OPTION_TRACES, at);
}

static int
load_root_member(struct load *load, const config_setting_t *at)
{
	const char *key = config_setting_name(at);

	if (strcmp(key, "log") == 0) {
		if (expect_group(load, at, key, "log = { level = \"info\" }") != 0)
			return -1;
		return for_each(load, at, load_log_member);
	}
	if (strcmp(key, "admin") == 0) {
		if (expect_group(load, at, key, "admin = { listen = \"127.0.0.1:9001\" }") != 0)
			return -1;
		return for_each(load, at, load_admin_member);
	}
	if (strcmp(key, "traces") == 0) {
		if (expect_group(load, at, key, "traces = { sample = 0.01 }") != 0)
			return -1;
		return for_each(load, at, load_traces_member);
	}
	if (strcmp(key, "services") == 0) {
		if (expect_group(load, at, key, "services = { NAME = { key = value } }") != 0)
			return -1;
		return for_each(load, at, load_service);
	}
	return load_option(load, OPTION_GLOBAL, at);
}

/* What is wrong and what would be right, for the few things that libconfig says. */
static const char *
explain(const char *text)
{
	if (strcmp(text, "duplicate setting name") == 0)
		return "a key stands here for the second time; expected each key once in its group";
	if (strcmp(text, "mismatched element type in array") == 0)
		return "the items of a list differ in type; expected strings only";
	if (strcmp(text, "syntax error") == 0)
		return "syntax error here or just before; expected key = value, strings in quotes, "
		       "groups in braces";
	return text;
}

static int
parse_error(struct load *load)
{
	const char *file = config_error_file(&load->tree);
	char *path = file != NULL ? text_file_beside(load->path, file) : strdup(load->path);

	error_set(load->error, "%s:%d: %s", path != NULL ? path : load->path,
		config_error_line(&load->tree), explain(config_error_text(&load->tree)));
	free(path);
	return -1;
}

/* In the configuration's folder, from which libconfig then takes relative names of includes. */
static int
parse_text(struct load *load, char *text)
{
	FILE *stream = fmemopen(text, strlen(text), "r");
	int parsed;

	if (stream == NULL)
		return error_errno(load->error, "%s: cannot read it", load->path);
	parsed = config_read(&load->tree, stream);
	fclose(stream);
	return parsed == CONFIG_TRUE ? 0 : parse_error(load);
}

static int
enter_folder(const char *path, int *back, struct error *error)
{
	char *copy = strdup(path);
	int failed;

	*back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	failed = copy == NULL || *back < 0 || chdir(dirname(copy)) != 0;
	if (failed)
		error_errno(error, "%s: cannot work in its folder", path);
	free(copy);
	return failed ? -1 : 0;
}

static int
leave_folder(struct load *load, int *back)
{
	int failed = *back < 0 ? 0 : fchdir(*back);

	if (failed != 0)
		error_errno(load->error, "cannot return to the working directory");
	fd_close(back);
	return failed;
}

static int
parse(struct load *load)
{
	char *text = prescan(load->path, load->error);
	int back = -1, failed;

	if (text == NULL)
		return -1;
	failed = enter_folder(load->path, &back, load->error);
	if (failed == 0)
		failed = parse_text(load, text);
	if (leave_folder(load, &back) != 0)
		failed = -1;
	free(text);
	return failed;
}

static int
fill(struct load *load)
{
	if (draft_start(&load->draft, load->error) != 0)
		return -1;
	load->draft.config->path = strdup(load->path);
	if (load->draft.config->path == NULL)
		error_set(load->error, "out of memory");
	else if (for_each(load, config_root_setting(&load->tree), load_root_member) == 0)
		return 0;
	draft_abandon(&load->draft);
	return -1;
}

struct config *
config_load(const char *path, struct error *error)
{
	struct load load = { .path = path, .error = error };
	struct config *config = NULL;

	config_init(&load.tree);
	if (parse(&load) == 0 && fill(&load) == 0)
		config = draft_finish(&load.draft, error);
	config_destroy(&load.tree);
	return config;
}
