#include <config.h>

#include "master/adopt.h"

#include <stdio.h>

#include "base/fd.h"
#include "base/log.h"
#include "master/control.h"
#include "net/listener.h"

static int
adopt_listener(struct upgrade *upgrade, const struct heritage_listener *from,
	const struct heritage_socket *sockets)
{
	struct listener listener = {
		.device = from->device,
		.inode = from->inode,
		.reuse_port = from->reuse_port != 0,
		.admin = from->admin != 0,
		.lent = from->lent != 0,
	};
	struct listener *adopted;

	listener.asked.storage = from->asked;
	listener.asked.size = from->asked_size;
	listener.address.storage = from->bound;
	listener.address.size = from->bound_size;
	adopted = listeners_adopt(upgrade->listeners, &listener);
	for (uint32_t i = 0; adopted != NULL && i < from->sockets; i++) {
		if (listeners_adopt_socket(adopted, sockets[i].fd, sockets[i].id) != 0)
			return -1;
	}
	return adopted != NULL ? 0 : -1;
}

static int
adopt_listeners(struct upgrade *upgrade, const struct heritage *heritage, struct error *error)
{
	const struct heritage_socket *sockets = heritage->sockets;

	for (size_t i = 0; i < heritage->listener_count; i++) {
		if (adopt_listener(upgrade, &heritage->listeners[i], sockets) != 0)
			return error_set(error, "cannot take over a listener");
		sockets += heritage->listeners[i].sockets;
	}
	upgrade->listeners->next_id = heritage->numbers.next_socket;
	upgrade->listeners->locked = heritage->numbers.pid_file >= 0;
	return 0;
}

static struct config *
read_config(const struct heritage *heritage, struct error *error)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", heritage->numbers.config);
	return config_load(path, error);
}

struct config *
adopt_config(const struct reexec_call *call, struct error *error)
{
	struct heritage heritage;
	struct config *config = NULL;

	if (heritage_read(&heritage, call->fd, error) == 0)
		config = read_config(&heritage, error);
	heritage_free(&heritage);
	return config;
}

static struct generation *
make_generation(struct upgrade *upgrade, const struct heritage *heritage, struct error *error)
{
	const struct heritage_numbers *numbers = &heritage->numbers;
	struct generation *generation;
	struct config *config = read_config(heritage, error);

	if (config == NULL)
		return NULL;
	generation = generation_open(
		config, upgrade->segment, upgrade->listeners, numbers->generation, error);
	if (generation == NULL)
		return NULL;
	generation->seat_count = numbers->seats;
	generation_adopt(generation, numbers->inbox, heritage->modules, heritage->module_count);
	return generation_bind(generation, error) == 0 ? generation : NULL;
}

static struct segment_files
files_of(const struct heritage_numbers *numbers)
{
	return (struct segment_files){
		.fd = numbers->segment,
		.readonly_fd = numbers->segment_readonly,
		.former_fd = numbers->former_segment,
		.former_readonly_fd = numbers->former_readonly,
	};
}

/* To a program with another layout, all workers are in the former segment. */
static int
adopt_segment(struct segment *segment, struct heritage *heritage, struct error *error)
{
	const struct segment_files files = files_of(&heritage->numbers);

	if (segment_adopt(segment, &files, error) != 0)
		return -1;
	for (size_t i = 0; segment->fd != files.fd && i < heritage->child_count; i++)
		heritage->children[i].former = true;
	return 0;
}

/* A program that knew no traces has workers that send none. */
static void
adopt_traces(struct supervisor *supervisor, const struct heritage_numbers *numbers)
{
	for (int i = 0; i < 2 && numbers->traces[i] >= 0; i++) {
		fd_close(&supervisor->traces[i]);
		supervisor->traces[i] = numbers->traces[i];
	}
}

int
adopt_run(struct upgrade *upgrade, struct heritage *heritage, struct error *error)
{
	const struct heritage_numbers *numbers = &heritage->numbers;
	struct generation *generation;

	if (adopt_segment(upgrade->segment, heritage, error) != 0 ||
		adopt_listeners(upgrade, heritage, error) != 0)
		return -1;
	generation = make_generation(upgrade, heritage, error);
	if (generation == NULL ||
		pid_file_adopt(upgrade->pid_file, generation->config->pid_file, numbers->pid_file,
			error) != 0 ||
		control_adopt(upgrade->control, generation->config->control_socket,
			numbers->control, heritage->clients, heritage->client_count, error) != 0)
		return -1;
	adopt_traces(upgrade->supervisor, numbers);
	upgrade->reload->generations = numbers->generations;
	upgrade->supervisor->moved = numbers->moved;
	upgrade->supervisor->closed = numbers->closed;
	upgrade->supervisor->cut = numbers->cut;
	return supervisor_adopt(
		upgrade->supervisor, generation, heritage->children, heritage->child_count, error);
}

void
adopt_close(struct heritage *heritage, const struct reexec_call *call)
{
	int fd = call->fd;

	if (heritage_set_cloexec(heritage, true) != 0)
		log_error("descriptors may be inherited that are not meant to be");
	fd_close(&heritage->numbers.config);
	fd_close(&heritage->numbers.program);
	fd_close(&fd);
	heritage_free(heritage);
}

void
adopt_give_back(const struct reexec_call *call, const char *reason)
{
	struct heritage heritage;
	struct error error;

	if (heritage_read(&heritage, call->fd, &error) == 0)
		adopt_return(&heritage, call, reason);
	heritage_free(&heritage);
}

void
adopt_return(const struct heritage *heritage, const struct reexec_call *call, const char *reason)
{
	if (call->why == REEXEC_ADOPT)
		reexec(heritage->numbers.program, REEXEC_RETURN, call->fd, reason);
}

int
adopt_check(const struct reexec_call *call, struct error *error)
{
	struct heritage heritage;
	int result = heritage_read(&heritage, call->fd, error);

	if (result == 0) {
		const struct segment_files files = files_of(&heritage.numbers);
		struct config *config = read_config(&heritage, error);

		result = config != NULL ? segment_check(&files, error) : -1;
		config_free(&config);
	}
	heritage_free(&heritage);
	return result;
}
