#include <config.h>

#include "master/heritage.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/messages.h"
#include "process/record.h"
#include "segment/layout.h"

enum heritage_field {
	HERITAGE_NUMBERS = 1,
	HERITAGE_LISTENERS,
	HERITAGE_SOCKETS,
	HERITAGE_CHILDREN,
	HERITAGE_MODULES,
	HERITAGE_CLIENTS,
	HERITAGE__COUNT
};

enum {
	SIZE_MAX_BYTES = 16 * 1024 * 1024,
};

static void
put_list(struct record *record, unsigned tag, const void *items, size_t count, size_t item_size)
{
	const uint32_t size = (uint32_t)item_size;
	char *place = record_reserve(record, tag, true, sizeof(size) + count * item_size);

	if (place == NULL)
		return;
	memcpy(place, &size, sizeof(size));
	if (count > 0)
		memcpy(place + sizeof(size), items, count * item_size);
}

static int
write_record(int fd, const struct record *record)
{
	const struct record_head head = record_head_of(record, 0);

	return pwrite(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
			pwrite(fd, record->data, record->size, sizeof(head)) ==
				(ssize_t)record->size
		? 0
		: -1;
}

int
heritage_write(const struct heritage *heritage, struct error *error)
{
	struct record record = { 0 };
	int fd = memfd_create("preforkd: heritage", 0);

	put_list(&record, HERITAGE_NUMBERS, &heritage->numbers, 1, sizeof(heritage->numbers));
	put_list(&record, HERITAGE_LISTENERS, heritage->listeners, heritage->listener_count,
		sizeof(heritage->listeners[0]));
	put_list(&record, HERITAGE_SOCKETS, heritage->sockets, heritage->socket_count,
		sizeof(heritage->sockets[0]));
	put_list(&record, HERITAGE_CHILDREN, heritage->children, heritage->child_count,
		sizeof(heritage->children[0]));
	put_list(&record, HERITAGE_MODULES, heritage->modules, heritage->module_count,
		sizeof(heritage->modules[0]));
	put_list(&record, HERITAGE_CLIENTS, heritage->clients, heritage->client_count,
		sizeof(heritage->clients[0]));
	if (fd < 0 || record.failed || write_record(fd, &record) != 0) {
		error_errno(error, "cannot write what is to be inherited");
		fd_close(&fd);
	}
	record_free(&record);
	return fd;
}

/* Elements may be larger or smaller than ours: what they have in common counts. */
static int
take_list(const struct record_field *field, void **items, size_t *count, size_t item_size)
{
	uint32_t size;

	if (field->data == NULL || field->size < sizeof(size))
		return -1;
	memcpy(&size, field->data, sizeof(size));
	if (size == 0 || (field->size - sizeof(size)) % size != 0)
		return -1;
	*count = (field->size - sizeof(size)) / size;
	*items = calloc(*count + 1, item_size);
	if (*items == NULL)
		return -1;
	for (size_t i = 0; i < *count; i++)
		memcpy((char *)*items + i * item_size, field->data + sizeof(size) + i * size,
			MIN(size, item_size));
	return 0;
}

/* Those that an older program does not have stay as they are. */
static int
take_numbers(struct heritage *heritage, const struct record_field *field)
{
	uint32_t size;

	if (field->data == NULL || field->size < sizeof(size))
		return -1;
	memcpy(&size, field->data, sizeof(size));
	if (size == 0 || field->size != sizeof(size) + size)
		return -1;
	memcpy(&heritage->numbers, field->data + sizeof(size),
		MIN(size, sizeof(heritage->numbers)));
	return 0;
}

static int
take_all(struct heritage *heritage, struct span fields)
{
	struct record_field table[HERITAGE__COUNT];

	if (record_parse(fields, table, HERITAGE__COUNT) != 0)
		return -1;
	if (take_numbers(heritage, &table[HERITAGE_NUMBERS]) != 0 ||
		take_list(&table[HERITAGE_LISTENERS], (void **)&heritage->listeners,
			&heritage->listener_count, sizeof(heritage->listeners[0])) != 0 ||
		take_list(&table[HERITAGE_SOCKETS], (void **)&heritage->sockets,
			&heritage->socket_count, sizeof(heritage->sockets[0])) != 0 ||
		take_list(&table[HERITAGE_CHILDREN], (void **)&heritage->children,
			&heritage->child_count, sizeof(heritage->children[0])) != 0)
		return -1;
	if (take_list(&table[HERITAGE_MODULES], (void **)&heritage->modules,
		    &heritage->module_count, sizeof(heritage->modules[0])) != 0)
		return -1;
	return take_list(&table[HERITAGE_CLIENTS], (void **)&heritage->clients,
		&heritage->client_count, sizeof(heritage->clients[0]));
}

/* Whether lists and counts belong together. */
static bool
makes_sense(const struct heritage *heritage)
{
	size_t sockets = 0;

	for (size_t i = 0; i < heritage->listener_count; i++) {
		const struct heritage_listener *listener = &heritage->listeners[i];

		sockets += listener->sockets;
		if (listener->asked_size > sizeof(listener->asked) ||
			listener->bound_size > sizeof(listener->bound))
			return false;
	}
	for (size_t i = 0; i < heritage->child_count; i++) {
		const struct heritage_child *child = &heritage->children[i];

		if (child->number < 1 || child->number > CONFIG_WORKERS_MAX ||
			child->slot >= SEGMENT_FORMER_SLOTS || child->pid <= 0)
			return false;
	}
	return sockets == heritage->socket_count && heritage->numbers.seats >= 1 &&
		heritage->numbers.seats <= CONFIG_WORKERS_MAX;
}

uint32_t
heritage_messages(void)
{
	return MESSAGE_VERSION << 16 | (uint32_t)sizeof(struct message);
}

int
heritage_read(struct heritage *heritage, int fd, struct error *error)
{
	struct record_head head;
	struct stat file;
	char *data = NULL;
	int result = -1;

	*heritage = (struct heritage){
		.numbers = {
			.config = -1,
			.program = -1,
			.former_segment = -1,
			.former_readonly = -1,
			.control = -1,
			.traces = { -1, -1 },
		},
	};
	if (fstat(fd, &file) != 0 || file.st_size > SIZE_MAX_BYTES ||
		pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return error_set(error, "what is to be inherited cannot be read");
	if (!record_head_is_known(&head))
		return error_set(error,
			"what is to be inherited is of version %d, and this program knows %d",
			head.version, RECORD_VERSION);
	data = malloc((size_t)file.st_size);
	if (data != NULL && head.size <= (uint64_t)file.st_size - sizeof(head) &&
		pread(fd, data, head.size, sizeof(head)) == (ssize_t)head.size)
		result = take_all(heritage, (struct span){ data, head.size });
	free(data);
	if (result == 0 && heritage->numbers.messages != heritage_messages())
		return error_set(error,
			"workers of the old program do not understand this one's messages: only a "
			"restart helps");
	if (result != 0 || !makes_sense(heritage))
		return error_set(error, "what is to be inherited makes no sense to this program");
	return 0;
}

void
heritage_free(struct heritage *heritage)
{
	free(heritage->listeners);
	free(heritage->sockets);
	free(heritage->children);
	free(heritage->modules);
	free(heritage->clients);
	*heritage = (struct heritage){ 0 };
}

static int
set(int fd, bool on)
{
	return fd < 0 ? 0 : fd_set_cloexec(fd, on);
}

int
heritage_set_cloexec(const struct heritage *heritage, bool on)
{
	const struct heritage_numbers *numbers = &heritage->numbers;
	int failed = set(numbers->segment, on) | set(numbers->segment_readonly, on) |
		set(numbers->former_segment, on) | set(numbers->former_readonly, on) |
		set(numbers->pid_file, on) | set(numbers->inbox[0], on) |
		set(numbers->inbox[1], on) | set(numbers->traces[0], on) |
		set(numbers->traces[1], on) | set(numbers->config, on) | set(numbers->program, on) |
		set(numbers->control, on);

	for (size_t i = 0; i < heritage->socket_count; i++)
		failed |= set(heritage->sockets[i].fd, on);
	for (size_t i = 0; i < heritage->child_count; i++)
		failed |= set(heritage->children[i].channel, on);
	for (size_t i = 0; i < heritage->module_count; i++)
		failed |= set(heritage->modules[i], on);
	for (size_t i = 0; i < heritage->client_count; i++)
		failed |= set(heritage->clients[i], on);
	return failed;
}
