#include <config.h>

#include "config/diff.h"

#include <string.h>

static bool
same_strings(const struct config_strings *a, const struct config_strings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	}
	return true;
}

static bool
same_value(const struct option *option, const void *a, const void *b)
{
	switch (option->type) {
	case OPTION_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case OPTION_INTEGER:
	case OPTION_SIZE:
	case OPTION_DURATION:
	case OPTION_RATE:
	case OPTION_MODE:
		return *(const int64_t *)a == *(const int64_t *)b;
	case OPTION_STRING:
		return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	case OPTION_STRINGS:
		return same_strings(a, b);
	case OPTION_NETWORKS:
		return same_strings(&((const struct config_networks *)a)->texts,
			&((const struct config_networks *)b)->texts);
	case OPTION_WORD:
		break;
	}
	return *(const int *)a == *(const int *)b;
}

/* AFTER is what the option is an offset into. */
static void
note(struct diff *diff, const struct option *option, const char *after)
{
	const void *place = after + option->place;

	switch (option->reload) {
	case OPTION_NEW_WORKERS:
		diff->new_workers = true;
		break;
	case OPTION_AT_ONCE:
		diff->at_once = true;
		break;
	case OPTION_RESTART:
		diff->restart = option;
		diff->restart_place = place;
		break;
	}
}

/* A and B are what the options of SCOPE are offsets into. */
static void
compare(struct diff *diff, enum option_scope scope, const void *a, const void *b)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &option_table[i];

		if (option->scope == scope &&
			!same_value(option, (const char *)a + option->offset,
				(const char *)b + option->offset))
			note(diff, option, b);
	}
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_module_options(const struct config_service *a, const struct config_service *b)
{
	if (a->option_count != b->option_count)
		return false;
	for (size_t i = 0; i < a->option_count; i++) {
		const struct config_module_option *x = &a->options[i], *y = &b->options[i];

		if (strcmp(x->key, y->key) != 0 || x->kind != y->kind || x->integer != y->integer ||
			!same_text(x->text, y->text))
			return false;
	}
	return true;
}

static const struct config_service *
find_service(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->service_count; i++) {
		if (strcmp(config->services[i].name, name) == 0)
			return &config->services[i];
	}
	return NULL;
}

void
diff_find(struct diff *diff, const struct config *before, const struct config *after)
{
	*diff = (struct diff){ .new_workers = before->service_count != after->service_count };
	compare(diff, OPTION_GLOBAL, before, after);
	compare(diff, OPTION_LOG, before, after);
	compare(diff, OPTION_ADMIN, before, after);
	for (size_t i = 0; i < after->service_count; i++) {
		const struct config_service *service = &after->services[i];
		const struct config_service *former = find_service(before, service->name);

		/* Workers know a service by its place: a new order is for new ones. */
		if (former == NULL || !same_module_options(former, service) ||
			former != &before->services[i])
			diff->new_workers = true;
		if (former != NULL)
			compare(diff, OPTION_SERVICE, former, service);
	}
}
