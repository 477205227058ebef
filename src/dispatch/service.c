#include <config.h>

#include "dispatch/service.h"

#include <dirent.h>
#include <unistd.h>

#include "config/place.h"
#include "dispatch/dispatch.h"
#include "dispatch/module.h"
#include "dispatch/module_options.h"
#include "dispatch/module_path.h"
#include "dispatch/notice.h"

enum {
	HANDLER_GUESS_NS = 1000000, /* until one has been measured: dear */
};

/* Threads of this process, by the kernel's count. */
static unsigned
count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned count = 0;

	if (tasks == NULL)
		return 0;
	for (const struct dirent *task; (task = readdir(tasks)) != NULL;)
		count += task->d_name[0] != '.';
	closedir(tasks);
	return count;
}

/* Calls a callback that may fail and say why. */
static int
call(struct service *service, const char *name, int (*callback)(struct service *service),
	struct error *error)
{
	int failed;

	error_set(error, "%s of the module failed and does not say why", name);
	service->init_error = error;
	failed = callback(service);
	service->init_error = NULL;
	return failed != 0 ? module_path_error(service->config, error) : 0;
}

static int
call_init(struct service *service)
{
	unsigned threads = count_threads();

	if (service->module.init(&dispatch_api, &service->public) != 0)
		return -1;
	if (count_threads() != threads)
		return error_set(service->init_error,
			"init of the module started a thread, which it may not");
	return 0;
}

static int
call_started(struct service *service)
{
	return service->module.started(&service->public);
}

static int
load(struct service *service, int fd, struct error *error)
{
	int failed = module_load(fd, &service->module, error);

	close(fd);
	return failed != 0 ? module_path_error(service->config, error) : 0;
}

/* What the configuration asks of the module and the module cannot do. */
static int
check_settings(const struct service *service, struct error *error)
{
	const struct config_service *config = service->config;
	const struct pf_module *module = &service->module;

	if (config->dispatch == CONFIG_DISPATCH_POOL && (module->flags & PF_MODULE_THREADS) == 0) {
		error_set(error,
			"the module %s is not made for threads (PF_MODULE_THREADS); expected "
			"\"module\" or \"inline\"",
			module->name);
		return place_service_error(
			error, &config->dispatch_place, config->name, "dispatch");
	}
	return 0;
}

/* Asks for the frame itself: a module may have notices and no heartbeat. */
static int
check_heartbeat(const struct service *service, struct error *error)
{
	const struct config_service *config = service->config;
	char buffer[PF_NOTICE_MAX];

	if (config->heartbeat_ms == 0 ||
		notice_write(service, PF_NOTICE_HEARTBEAT, (struct pf_span){ 0 }, buffer) >= 0)
		return 0;
	error_set(error, "the module %s has no heartbeat; expected \"off\"", service->module.name);
	return place_service_error(error, &config->heartbeat_place, config->name, "heartbeat");
}

int
service_start(struct service *service, const struct config_service *config, int fd, unsigned id,
	unsigned worker, struct error *error)
{
	*service = (struct service){
		.config = config,
		.id = id,
		.handler_ns = HANDLER_GUESS_NS,
		.wire = {
			.codec = wire_codec_of(config->framing),
			.max_message = (size_t)config->max_message_size,
			.length_bytes = config->length_bytes,
			.length_offset = (unsigned)config->length_offset,
			.length_adjust = config->length_adjust,
			.order = config->byte_order,
			.allow_empty = config->allow_empty,
		},
		.public = { .name = config->name, .worker = worker },
	};
	if (load(service, fd, error) != 0)
		return -1;
	if (module_options_fill(&service->module, config, &service->options, error) != 0)
		return -1;
	service->public.options = service->options;
	if (check_settings(service, error) != 0)
		return -1;
	if (service->module.init != NULL && call(service, "init", call_init, error) != 0)
		return -1;
	service->running = true;
	return check_heartbeat(service, error);
}

int
service_started(struct service *service, struct error *error)
{
	if (service->module.started == NULL)
		return 0;
	return call(service, "started", call_started, error);
}

bool
service_is_pooled(const struct service *service)
{
	switch (service->config->dispatch) {
	case CONFIG_DISPATCH_MODULE:
		return service->module.route != NULL;
	case CONFIG_DISPATCH_INLINE:
		return false;
	case CONFIG_DISPATCH_POOL:
		break;
	}
	return true;
}

void
service_stop(struct service *service)
{
	if (service->running && service->module.exit != NULL)
		service->module.exit(&service->public);
	service->running = false;
	module_options_free(&service->module, &service->options);
}
