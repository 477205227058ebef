#include <config.h>

#include "dispatch/module_options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "config/nearest.h"
#include "config/place.h"
#include "config/setting.h"

enum {
	KEY_MAX = 128, /* bytes of "options." and a key, with the end */
};

static const struct pf_option no_options[] = { { 0 } };

static const struct pf_option *
table_of(const struct pf_module *module)
{
	return module->options != NULL ? module->options : no_options;
}

static const struct pf_option *
find(const struct pf_module *module, const char *key)
{
	const struct pf_option *row = table_of(module);

	while (row->key != NULL && strcmp(row->key, key) != 0)
		row++;
	return row->key != NULL ? row : NULL;
}

static size_t
size_of(enum pf_option_type type)
{
	switch (type) {
	case PF_OPTION_BOOL:
		return sizeof(bool);
	case PF_OPTION_INTEGER:
	case PF_OPTION_SIZE:
	case PF_OPTION_DURATION:
		return sizeof(int64_t);
	case PF_OPTION_STRING:
		return sizeof(char *);
	}
	return SIZE_MAX; /* a type that this server does not know */
}

/* A table that is wrong would have us write anywhere. */
static int
check_table(const struct pf_module *module, struct error *error)
{
	for (const struct pf_option *row = table_of(module); row->key != NULL; row++) {
		size_t size = size_of(row->type);

		if (size > module->options_size || row->offset > module->options_size - size)
			return error_set(error,
				"module %s: its option %s has an unknown type or "
				"lies outside its structure; expected a correct pf_module.options",
				module->name, row->key);
	}
	return 0;
}

/* A row without bounds takes any number; sizes and durations are never negative. */
static struct value_range
range_of(const struct pf_option *row)
{
	if (row->min != 0 || row->max != 0)
		return (struct value_range){ .min = row->min, .max = row->max };
	return (struct value_range){
		.min = row->type == PF_OPTION_INTEGER ? INT64_MIN : 0,
		.max = INT64_MAX,
	};
}

static int
set_string(const char **field, const char *text, struct error *error)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return error_set(error, "out of memory");
	free((char *)(uintptr_t)*field);
	*field = copy;
	return 0;
}

/*
 * A number, true and false are strings too where the module wants one: -T prints text of the
 * command line by its looks, and has to be read back as the same.
 */
static int
set_text(const char **field, const struct setting *setting, struct error *error)
{
	char digits[VALUE_TEXT_MAX];
	const char *text;

	if (setting->kind == CONFIG_VALUE_BOOL)
		return set_string(field, setting->integer != 0 ? "true" : "false", error);
	if (setting->kind == CONFIG_VALUE_INTEGER) {
		snprintf(digits, sizeof(digits), "%" PRId64, setting->integer);
		return set_string(field, digits, error);
	}
	if (setting_string(setting, &text, error) != 0)
		return -1;
	return set_string(field, text, error);
}

static int
set(void *structure, const struct pf_option *row, const struct setting *setting,
	struct error *error)
{
	void *field = (char *)structure + row->offset;

	switch (row->type) {
	case PF_OPTION_BOOL:
		return setting_bool(setting, field, error);
	case PF_OPTION_INTEGER:
		return setting_integer(setting, range_of(row), field, error);
	case PF_OPTION_SIZE:
		return setting_size(setting, range_of(row), field, error);
	case PF_OPTION_DURATION:
		return setting_duration(setting, range_of(row), field, error);
	case PF_OPTION_STRING:
		break;
	}
	return set_text(field, setting, error);
}

static int
set_defaults(const struct pf_module *module, void *structure, struct error *error)
{
	for (const struct pf_option *row = table_of(module); row->key != NULL; row++) {
		struct setting fallback = { .kind = CONFIG_VALUE_TEXT,
			.text = row->fallback != NULL ? row->fallback : "" };

		if (set(structure, row, &fallback, error) != 0)
			return error_prefix(error,
				"module %s: the default of its option %s: ", module->name,
				row->key);
	}
	return 0;
}

static int
unknown_key(const struct pf_module *module, const char *key, struct error *error)
{
	const struct pf_option *row = table_of(module);
	struct nearest nearest;

	if (row->key == NULL)
		return error_set(error, "unknown key; the module %s has no options", module->name);
	nearest_start(&nearest, key);
	for (; row->key != NULL; row++)
		nearest_offer(&nearest, row->key);
	if (nearest_found(&nearest) != NULL)
		return error_set(
			error, "unknown key; did you mean \"%s\"?", nearest_found(&nearest));
	return error_set(error, "unknown key; expected an option of the module %s, such as \"%s\"",
		module->name, table_of(module)->key);
}

static int
set_configured(const struct pf_module *module, void *structure,
	const struct config_module_option *option, struct error *error)
{
	const struct pf_option *row = find(module, option->key);
	struct setting setting = {
		.kind = option->kind,
		.text = option->text,
		.integer = option->integer,
	};

	if (row == NULL)
		return unknown_key(module, option->key, error);
	return set(structure, row, &setting, error);
}

static int
fill(const struct pf_module *module, const struct config_service *service, void *structure,
	struct error *error)
{
	if (set_defaults(module, structure, error) != 0)
		return place_error(error, &service->module_place, "");
	for (size_t i = 0; i < service->option_count; i++) {
		const struct config_module_option *option = &service->options[i];
		char key[KEY_MAX];

		if (set_configured(module, structure, option, error) == 0)
			continue;
		snprintf(key, sizeof(key), "options.%s", option->key);
		return place_service_error(error, &option->place, service->name, key);
	}
	return 0;
}

int
module_options_fill(const struct pf_module *module, const struct config_service *service,
	void **options, struct error *error)
{
	if (check_table(module, error) != 0)
		return place_error(error, &service->module_place, "");
	*options = calloc(1, MAX(module->options_size, 1u));
	if (*options == NULL)
		return error_set(error, "out of memory");
	if (fill(module, service, *options, error) != 0) {
		module_options_free(module, options);
		return -1;
	}
	return 0;
}

void
module_options_free(const struct pf_module *module, void **options)
{
	if (*options == NULL)
		return;
	for (const struct pf_option *row = table_of(module); row->key != NULL; row++) {
		if (row->type == PF_OPTION_STRING)
			free(*(char **)(void *)((char *)*options + row->offset));
	}
	free(*options);
	*options = NULL;
}
