#include <config.h>

#include "dispatch/service.h"

#include <dirent.h>
#include <unistd.h>

#include "dispatch/dispatch.h"
#include "dispatch/module.h"
#include "dispatch/module_options.h"
#include "dispatch/module_path.h"

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

static int
init_module(struct service *service, struct error *error)
{
	unsigned threads = count_threads();
	int failed;

	error_set(error, "init of the module failed and does not say why");
	service->init_error = error;
	failed = service->module.init(&dispatch_api, &service->public);
	service->init_error = NULL;
	if (failed != 0)
		return -1;
	if (count_threads() != threads)
		return error_set(error, "init of the module started a thread, which it may not");
	return 0;
}

static int
load(struct service *service, int fd, struct error *error)
{
	int failed = module_load(fd, &service->module, error);

	close(fd);
	return failed != 0 ? module_path_error(service->config, error) : 0;
}

int
service_start(struct service *service, const struct config_service *config, int fd, unsigned id,
	unsigned worker, struct error *error)
{
	*service = (struct service){
		.config = config,
		.id = id,
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
	if (service->module.init != NULL && init_module(service, error) != 0)
		return module_path_error(config, error);
	service->running = true;
	return 0;
}

void
service_stop(struct service *service)
{
	if (service->running && service->module.exit != NULL)
		service->module.exit(&service->public);
	service->running = false;
	module_options_free(&service->module, &service->options);
}
