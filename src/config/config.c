/* The beginning and the end of a configuration. */
#include <config.h>

#include "config/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/options.h"
#include "config/place.h"

/* What would be written to standard error is lost in the background. */
static int
check_detached(const struct config *config, struct error *error)
{
	if (strcmp(config->log_target, "stderr") != 0)
		return 0;
	error_set(error, "\"stderr\" does not go with --daemon; expected \"syslog\" or a path");
	return place_error(error, &config->log_target_place, "log.target");
}

static int
check_regular(const char *path, struct error *error)
{
	struct stat st;

	if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
		return 0;
	return error_set(error, "%s: is no file; a reload can read nothing else", path);
}

struct config *
config_from(const struct config_source *source, struct error *error)
{
	struct config *config;

	if (source->path == NULL)
		config = config_from_arguments(&source->arguments, error);
	else if (source->again && check_regular(source->path, error) != 0)
		return NULL;
	else
		config = config_load(source->path, error);
	if (config != NULL && source->detached && check_detached(config, error) != 0)
		config_free(&config);
	return config;
}

static void
free_strings(struct config_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
}

static void
free_networks(struct config_networks *networks)
{
	free_strings(&networks->texts);
	free(networks->items);
}

/* Frees what the options of SCOPE hold in STRUCTURE. */
static void
free_options(void *structure, enum option_scope scope)
{
	for (size_t i = 0; i < option_count; i++) {
		void *field = (char *)structure + option_table[i].offset;

		if (option_table[i].scope != scope)
			continue;
		if (option_table[i].type == OPTION_STRINGS)
			free_strings(field);
		else if (option_table[i].type == OPTION_NETWORKS)
			free_networks(field);
		else if (option_table[i].type == OPTION_STRING)
			free(*(char **)field);
	}
}

static void
free_service(struct config_service *service)
{
	free_options(service, OPTION_SERVICE);
	for (size_t i = 0; i < service->option_count; i++) {
		free(service->options[i].key);
		free(service->options[i].text);
	}
	free(service->options);
	free(service->name);
}

void
config_free(struct config **config)
{
	struct config *old = *config;

	if (old == NULL)
		return;
	for (size_t i = 0; i < old->service_count; i++)
		free_service(&old->services[i]);
	free(old->services);
	free_options(old, OPTION_GLOBAL);
	free_options(old, OPTION_LOG);
	free_options(old, OPTION_TRACES);
	for (size_t i = 0; i < CONFIG_ADMIN__COUNT; i++)
		free_service(&old->admin[i]);
	free_strings(&old->place_files);
	free(old->path);
	free(old);
	*config = NULL;
}
