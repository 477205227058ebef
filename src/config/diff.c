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
	case OPTION_SHARE:
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

/* A and B are what the options of SCOPE are offsets into. */
static void
compare(const struct diff_visitor *visitor, enum option_scope scope, const char *service,
	const void *a, const void *b)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &option_table[i];
		const void *before = (const char *)a + option->offset;
		const void *after = (const char *)b + option->offset;

		if (option->scope == scope && !same_value(option, before, after))
			visitor->option(visitor->arg, option, service, before, after);
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

/* Workers know a service by its place: a new order is for new ones. */
static void
compare_service(const struct diff_visitor *visitor, const struct config *before,
	const struct config_service *service, size_t index)
{
	const struct config_service *former = find_service(before, service->name);

	if (former == NULL) {
		visitor->service(visitor->arg, service->name, DIFF_ADDED);
		return;
	}
	if ((size_t)(former - before->services) != index)
		visitor->service(visitor->arg, service->name, DIFF_PLACED);
	if (!same_module_options(former, service))
		visitor->service(visitor->arg, service->name, DIFF_OPTIONS);
	compare(visitor, OPTION_SERVICE, service->name, former, service);
}

void
diff_visit(
	const struct config *before, const struct config *after, const struct diff_visitor *visitor)
{
	compare(visitor, OPTION_GLOBAL, NULL, before, after);
	compare(visitor, OPTION_LOG, NULL, before, after);
	compare(visitor, OPTION_TRACES, NULL, before, after);
	compare(visitor, OPTION_ADMIN, NULL, before, after);
	for (size_t i = 0; i < before->service_count; i++) {
		if (find_service(after, before->services[i].name) == NULL)
			visitor->service(visitor->arg, before->services[i].name, DIFF_REMOVED);
	}
	for (size_t i = 0; i < after->service_count; i++)
		compare_service(visitor, before, &after->services[i], i);
}

static void
note_option(void *arg, const struct option *option, const char *service PF_UNUSED,
	const void *before PF_UNUSED, const void *after)
{
	struct diff *diff = arg;

	switch (option->reload) {
	case OPTION_NEW_WORKERS:
		diff->new_workers = true;
		break;
	case OPTION_AT_ONCE:
		diff->at_once = true;
		break;
	case OPTION_RESTART:
		diff->restart = option;
		diff->restart_place =
			(const struct config_place *)(const void *)((const char *)after -
				option->offset + option->place);
		break;
	}
}

static void
note_service(void *arg, const char *name PF_UNUSED, enum diff_service what PF_UNUSED)
{
	struct diff *diff = arg;

	diff->new_workers = true;
}

void
diff_find(struct diff *diff, const struct config *before, const struct config *after)
{
	const struct diff_visitor visitor = {
		.option = note_option,
		.service = note_service,
		.arg = diff,
	};

	*diff = (struct diff){ 0 };
	diff_visit(before, after, &visitor);
}
