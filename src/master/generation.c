#include <config.h>

#include "master/generation.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "master/child.h"
#include "process/channel.h"
#include "process/cpus.h"

static int
name_services(struct generation *generation, struct error *error)
{
	const struct config *config = generation->config;

	for (size_t i = 0; i < config->service_count; i++) {
		int id = segment_service_id(generation->segment, config->services[i].name);

		if (id < 0)
			return error_set(error,
				"more than %d names of services since the start: only a restart "
				"makes room for \"%s\"",
				SEGMENT_SERVICES, config->services[i].name);
		generation->service_ids[i] = (unsigned)id;
	}
	return 0;
}

struct generation *
generation_open(struct config *config, struct segment *segment, struct listeners *listeners,
	int number, struct error *error)
{
	struct generation *generation = calloc(1, sizeof(*generation));

	if (generation == NULL) {
		error_errno(error, "cannot make a generation");
		config_free(&config);
		return NULL;
	}
	generation->inbox[0] = generation->inbox[1] = -1;
	generation->number = number;
	generation->config = config;
	generation->segment = segment;
	generation->listeners = listeners;
	generation->names_before = segment_service_count(segment);
	generation->seat_count = cpus_workers(config);
	if (channel_pair(generation->inbox, error) == 0 &&
		resources_open(&generation->resources, config, error) == 0 &&
		name_services(generation, error) == 0)
		return generation;
	generation_close(&generation);
	return NULL;
}

void
generation_adopt(struct generation *generation, const int32_t inbox[static 2],
	const int32_t *modules, size_t module_count)
{
	struct resources *resources = &generation->resources;

	for (int i = 0; i < 2; i++) {
		fd_close(&generation->inbox[i]);
		generation->inbox[i] = inbox[i];
	}
	for (size_t i = 0; i < module_count && i < resources->module_count; i++) {
		fd_close(&resources->modules[i]);
		resources->modules[i] = modules[i];
	}
}

int
generation_bind(struct generation *generation, struct error *error)
{
	const struct config *config = generation->config;
	struct listeners *listeners = generation->listeners;

	if (listeners_use(listeners, config->services, config->service_count,
		    generation->seat_count, &generation->uses, &generation->use_count, error) != 0)
		return -1;
	if (listeners_use(listeners, config->admin, CONFIG_ADMIN__COUNT, 1, &generation->admin_uses,
		    &generation->admin_use_count, error) != 0) {
		listeners_give_up(listeners, &generation->uses, &generation->use_count, true);
		return -1;
	}
	listeners->locked = false;
	return 0;
}

static void
give_up_listeners(struct generation *generation, bool undo)
{
	listeners_give_up(generation->listeners, &generation->uses, &generation->use_count, undo);
	listeners_give_up(
		generation->listeners, &generation->admin_uses, &generation->admin_use_count, undo);
}

static void
close_inbox(struct generation *generation)
{
	fd_close(&generation->inbox[0]);
	fd_close(&generation->inbox[1]);
}

/* Who asks how the drain goes is still answered. */
void
generation_drain(struct generation *generation)
{
	close_inbox(generation);
	listeners_give_up(generation->listeners, &generation->uses, &generation->use_count, false);
	resources_close(&generation->resources);
}

void
generation_retire(struct generation *generation)
{
	generation_drain(generation);
	give_up_listeners(generation, false);
}

void
generation_undo(struct generation *generation)
{
	generation->undone = true;
	give_up_listeners(generation, true);
	segment_forget_services(generation->segment, generation->names_before);
}

void
generation_close(struct generation **generation)
{
	struct generation *old = *generation;

	if (old == NULL)
		return;
	for (size_t i = 0; i < CONFIG_WORKERS_MAX; i++)
		seat_close(&old->seats[i]);
	if (!old->served && !old->undone)
		generation_undo(old);
	give_up_listeners(old, false);
	close_inbox(old);
	resources_close(&old->resources);
	config_free(&old->config);
	free(old);
	*generation = NULL;
}

static bool
is_same_file(int a, int b)
{
	struct stat in_a, in_b;

	return fstat(a, &in_a) == 0 && fstat(b, &in_b) == 0 && in_a.st_dev == in_b.st_dev &&
		in_a.st_ino == in_b.st_ino && in_a.st_size == in_b.st_size &&
		in_a.st_mtim.tv_sec == in_b.st_mtim.tv_sec &&
		in_a.st_mtim.tv_nsec == in_b.st_mtim.tv_nsec;
}

bool
generation_has_same_modules(const struct generation *a, const struct generation *b)
{
	if (a->resources.module_count != b->resources.module_count)
		return false;
	for (size_t i = 0; i < a->resources.module_count; i++) {
		if (!is_same_file(a->resources.modules[i], b->resources.modules[i]))
			return false;
	}
	return true;
}

struct child *
generation_worker(const struct generation *generation, size_t number)
{
	struct child *child;

	if (number < 1 || number > generation->seat_count)
		return NULL;
	child = generation->seats[number - 1].child;
	return child != NULL && child->state == CHILD_RUNNING ? child : NULL;
}

size_t
generation_count_workers(const struct generation *generation)
{
	size_t count = 0;

	for (size_t number = 1; number <= generation->seat_count; number++)
		count += generation_worker(generation, number) != NULL;
	return count;
}

static void
log_listener(const struct listener_use *use, const char *service)
{
	char text[ADDRESS_TEXT_MAX];

	address_print(&use->listener->address, text);
	log_info("listening", log_str("service", service), log_str("address", text));
}

void
generation_log_listeners(const struct generation *generation, bool all)
{
	for (size_t i = 0; i < generation->use_count; i++) {
		const struct listener_use *use = &generation->uses[i];

		if (all || use->sockets_before == 0)
			log_listener(use, generation->config->services[use->service].name);
	}
	for (size_t i = 0; i < generation->admin_use_count; i++) {
		const struct listener_use *use = &generation->admin_uses[i];

		if (all || use->sockets_before == 0)
			log_listener(use, config_admin_names[use->service]);
	}
}

const struct listener_socket *
generation_socket(const struct listener_use *use, int number)
{
	const struct listener *listener = use->listener;

	return &listener->sockets[listener->reuse_port ? number - 1 : 0];
}
