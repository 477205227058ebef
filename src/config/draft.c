#include <config.h>

#include "config/draft.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/place.h"

static int
no_memory(struct error *error)
{
	return error_set(error, "out of memory");
}

static struct config_service *
current_service(const struct draft *draft)
{
	return &draft->config->services[draft->config->service_count - 1];
}

/* The structure that options of SCOPE are offsets into. */
static void *
structure_of(const struct draft *draft, enum option_scope scope)
{
	if (scope == OPTION_SERVICE)
		return current_service(draft);
	return draft->config;
}

static int
add_string(struct config_strings *strings, const char *text, struct error *error)
{
	char **items = reallocarray(strings->items, strings->count + 1, sizeof(*items));

	if (items == NULL)
		return no_memory(error);
	strings->items = items;
	items[strings->count] = strdup(text);
	if (items[strings->count] == NULL)
		return no_memory(error);
	strings->count++;
	return 0;
}

static int
add_network(struct config_networks *networks, const char *text, struct error *error)
{
	size_t count = networks->texts.count + 1;
	struct subnet *items = reallocarray(networks->items, count, sizeof(*items));

	if (items == NULL)
		return no_memory(error);
	networks->items = items;
	if (subnet_parse(&items[count - 1], text, error) != 0)
		return -1;
	return add_string(&networks->texts, text, error);
}

static int
replace_string(char **field, const char *text, struct error *error)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return no_memory(error);
	free(*field);
	*field = copy;
	return 0;
}

static int
set_string(void *field, const struct option *option, const struct setting *setting,
	struct error *error)
{
	const char *text;

	if (setting_string(setting, &text, error) != 0)
		return -1;
	if (option->type == OPTION_STRINGS)
		return add_string(field, text, error);
	if (option->type == OPTION_NETWORKS)
		return add_network(field, text, error);
	if (text[0] == '\0' && option->min > 0)
		return error_set(error, "is empty; expected at least one character");
	return replace_string(field, text, error);
}

/* FIELD is what the table says it is: an int or an enum of that size for words. */
static int
set_field(void *field, const struct option *option, const struct setting *setting,
	struct error *error)
{
	struct value_range range = { option->min, option->max, option->step };

	switch (option->type) {
	case OPTION_BOOL:
		return setting_bool(setting, field, error);
	case OPTION_INTEGER:
		return setting_integer(setting, range, field, error);
	case OPTION_SIZE:
		return setting_size(setting, range, field, error);
	case OPTION_DURATION:
		return setting_duration(setting, range, field, error);
	case OPTION_RATE:
		return setting_rate(setting, range, field, error);
	case OPTION_SHARE:
		return setting_share(setting, field, error);
	case OPTION_MODE:
		return setting_mode(setting, range, field, error);
	case OPTION_WORD:
		return setting_word(setting, option->words, field, error);
	case OPTION_STRING:
	case OPTION_STRINGS:
	case OPTION_NETWORKS:
		break;
	}
	return set_string(field, option, setting, error);
}

static int
set_defaults(void *structure, enum option_scope scope, struct error *error)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &option_table[i];
		struct setting fallback = { .kind = CONFIG_VALUE_TEXT, .text = option->fallback };

		if (option->scope != scope || option->fallback == NULL || option_is_list(option))
			continue;
		if (set_field((char *)structure + option->offset, option, &fallback, error) != 0)
			return error_prefix(error, "default of %s: ", option->key);
	}
	return 0;
}

/* They listen as services do. */
static int
set_admin_defaults(struct config *config, struct error *error)
{
	for (size_t i = 0; i < CONFIG_ADMIN__COUNT; i++) {
		struct config_service *admin = &config->admin[i];

		if (set_defaults(admin, OPTION_SERVICE, error) != 0 ||
			replace_string(&admin->name, config_admin_names[i], error) != 0)
			return -1;
	}
	return 0;
}

int
draft_start(struct draft *draft, struct error *error)
{
	draft->config = calloc(1, sizeof(*draft->config));
	if (draft->config == NULL)
		return no_memory(error);
	if (set_defaults(draft->config, OPTION_GLOBAL, error) != 0 ||
		set_defaults(draft->config, OPTION_LOG, error) != 0 ||
		set_defaults(draft->config, OPTION_TRACES, error) != 0 ||
		set_admin_defaults(draft->config, error) != 0) {
		draft_abandon(draft);
		return -1;
	}
	return 0;
}

static int
check_name(const char *name, struct error *error)
{
	size_t size = strlen(name);

	if (size > CONFIG_SERVICE_NAME_MAX)
		return error_set(error,
			"a service's name of %zu bytes is too long; expected at "
			"most %d",
			size, CONFIG_SERVICE_NAME_MAX);
	for (const char *at = name; *at != '\0'; at++) {
		if (!isalnum((unsigned char)*at) && *at != '_' && *at != '-')
			return error_set(error,
				"'%c' cannot stand in a service's name; expected "
				"letters, digits, '_' and '-'",
				*at);
	}
	return 0;
}

/* Makes room for one service more. */
static int
grow(struct draft *draft, struct error *error)
{
	struct config *config = draft->config;
	size_t count = config->service_count + 1;
	struct config_service *services;

	if (count > CONFIG_SERVICES_MAX)
		return error_set(
			error, "is one service too many; expected at most %d", CONFIG_SERVICES_MAX);
	services = reallocarray(config->services, count, sizeof(*services));
	if (services == NULL)
		return no_memory(error);
	config->services = services;
	memset(&services[count - 1], 0, sizeof(*services));
	config->service_count = count;
	return 0;
}

static int
name_error(const char *name, struct config_place place, struct error *error)
{
	char key[DRAFT_KEY_MAX];

	snprintf(key, sizeof(key), "services.%.80s", name);
	return place_error(error, &place, key);
}

int
draft_add_service(
	struct draft *draft, const char *name, struct config_place place, struct error *error)
{
	struct config_service *service;

	if (check_name(name, error) != 0 || grow(draft, error) != 0)
		return name_error(name, place, error);
	service = current_service(draft);
	service->place = place;
	if (replace_string(&service->name, name, error) != 0)
		return -1;
	return set_defaults(service, OPTION_SERVICE, error);
}

int
draft_error(const struct draft *draft, enum option_scope scope, const char *key,
	struct config_place place, struct error *error)
{
	char dotted[DRAFT_KEY_MAX];

	switch (scope) {
	case OPTION_GLOBAL:
		return place_error(error, &place, key);
	case OPTION_LOG:
		snprintf(dotted, sizeof(dotted), "log.%s", key);
		return place_error(error, &place, dotted);
	case OPTION_TRACES:
		snprintf(dotted, sizeof(dotted), "traces.%s", key);
		return place_error(error, &place, dotted);
	case OPTION_ADMIN:
		return place_service_error(
			error, &place, config_admin_names[CONFIG_ADMIN_HTTP], key);
	case OPTION_SERVICE:
		break;
	}
	return place_service_error(error, &place, current_service(draft)->name, key);
}

int
draft_set(struct draft *draft, const struct option *option, const struct setting *setting,
	struct config_place place, struct error *error)
{
	char *structure = structure_of(draft, option->scope);

	if (set_field(structure + option->offset, option, setting, error) != 0)
		return draft_error(draft, option->scope, option->key, place, error);
	if (option->place > 0)
		memcpy(structure + option->place, &place, sizeof(place));
	return 0;
}

/* The option of that key in SERVICE, a new one if there is none yet; NULL: no memory. */
static struct config_module_option *
claim_module_option(struct config_service *service, const char *key)
{
	struct config_module_option *grown;

	for (size_t i = 0; i < service->option_count; i++) {
		if (strcmp(service->options[i].key, key) == 0)
			return &service->options[i];
	}
	grown = reallocarray(service->options, service->option_count + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	service->options = grown;
	grown += service->option_count;
	*grown = (struct config_module_option){ .key = strdup(key) };
	if (grown->key == NULL)
		return NULL;
	service->option_count++;
	return grown;
}

int
draft_set_module_option(struct draft *draft, const char *key, const struct setting *setting,
	struct config_place place, struct error *error)
{
	struct config_service *service = current_service(draft);
	struct config_module_option *option;

	if (service->option_count == CONFIG_MODULE_OPTIONS_MAX) {
		error_set(error, "has too many; expected at most %d", CONFIG_MODULE_OPTIONS_MAX);
		return place_service_error(error, &place, service->name, "options");
	}
	option = claim_module_option(service, key);
	if (option == NULL)
		return no_memory(error);
	option->kind = setting->kind;
	option->integer = setting->integer;
	option->place = place;
	if (setting->text == NULL)
		return 0;
	return replace_string(&option->text, setting->text, error);
}

const char *
draft_keep(struct draft *draft, const char *text)
{
	struct config_strings *kept = &draft->config->place_files;
	struct error error;

	for (size_t i = 0; i < kept->count; i++) {
		if (strcmp(kept->items[i], text) == 0)
			return kept->items[i];
	}
	if (add_string(kept, text, &error) != 0)
		return NULL;
	return kept->items[kept->count - 1];
}

void
draft_abandon(struct draft *draft)
{
	config_free(&draft->config);
}

struct config *
draft_finish(struct draft *draft, struct error *error)
{
	struct config *config = NULL;

	if (check_draft(draft, error) == 0) {
		config = draft->config;
		draft->config = NULL;
	}
	draft_abandon(draft);
	return config;
}
