#include <config.h>

#include "segment/segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/fd.h"

static const size_t head_size =
	(sizeof(struct segment_head) + SEGMENT_PAGE - 1) / SEGMENT_PAGE * SEGMENT_PAGE;

static size_t
segment_size(void)
{
	return head_size + SEGMENT_SLOTS * sizeof(struct slot);
}

static int
make_file(struct segment *segment, struct error *error)
{
	char path[64];

	segment->fd = memfd_create("preforkd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (segment->fd < 0)
		return error_errno(error, "cannot make the shared memory");
	if (ftruncate(segment->fd, (off_t)segment_size()) != 0 ||
		fcntl(segment->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return error_errno(error, "cannot size the shared memory");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", segment->fd);
	segment->readonly_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (segment->readonly_fd < 0)
		return error_errno(error, "cannot open the shared memory for reading");
	return 0;
}

static void
fill_head(struct segment_head *head)
{
	head->magic = SEGMENT_MAGIC;
	head->layout = SEGMENT_LAYOUT;
	head->size = (uint32_t)segment_size();
	head->slot_offset = (uint32_t)head_size;
	head->slot_size = sizeof(struct slot);
	head->slot_count = SEGMENT_SLOTS;
	arc4random_buf(head->address_key, sizeof(head->address_key));
}

static int
map_all(struct segment *segment, int fd, int protection)
{
	void *at = mmap(NULL, segment_size(), protection, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -1;
	/* A core dump would make all untouched pages real; a worker's has its own slot anyway. */
	madvise(at, segment_size(), MADV_DONTDUMP);
	segment->head = at;
	segment->slots = (struct slot *)(void *)((char *)at + head_size);
	return 0;
}

int
segment_create(struct segment *segment, struct error *error)
{
	*segment = SEGMENT_NONE;
	if (make_file(segment, error) == 0) {
		if (map_all(segment, segment->fd, PROT_READ | PROT_WRITE) == 0) {
			fill_head(segment->head);
			return 0;
		}
		error_errno(error, "cannot map the shared memory");
	}
	segment_destroy(segment);
	return -1;
}

/* Whether FD is of our layout in all. */
static bool
is_ours(int fd)
{
	struct segment_head head, ours = { 0 };

	fill_head(&ours);
	return pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
		head.magic == ours.magic && head.layout == ours.layout && head.size == ours.size &&
		head.slot_offset == ours.slot_offset && head.slot_size == ours.slot_size &&
		head.slot_count == ours.slot_count;
}

int
segment_check(const struct segment_files *files, struct error *error)
{
	if (former_check(files->fd, error) != 0)
		return -1;
	if (!is_ours(files->fd) && files->former_fd >= 0)
		return error_set(error,
			"workers of a former program count in a third layout of the shared memory: "
			"try again when they are gone");
	return 0;
}

/* Goes on in the segment itself. */
static int
go_on(struct segment *segment, const struct segment_files *files, struct error *error)
{
	*segment = (struct segment){
		.fd = files->fd,
		.readonly_fd = files->readonly_fd,
		.former = FORMER_NONE,
	};
	if (map_all(segment, files->fd, PROT_READ | PROT_WRITE) != 0)
		return error_errno(error, "cannot map the shared memory");
	return files->former_fd < 0
		? 0
		: former_open(&segment->former, files->former_fd, files->former_readonly_fd, error);
}

int
segment_adopt(struct segment *segment, const struct segment_files *files, struct error *error)
{
	if (segment_check(files, error) != 0)
		return -1;
	if (is_ours(files->fd))
		return go_on(segment, files, error);
	if (segment_create(segment, error) != 0)
		return -1;
	return former_open(&segment->former, files->fd, files->readonly_fd, error);
}

struct segment_files
segment_files(const struct segment *segment)
{
	return (struct segment_files){
		.fd = segment->fd,
		.readonly_fd = segment->readonly_fd,
		.former_fd = segment->former.fd,
		.former_readonly_fd = segment->former.readonly_fd,
	};
}

bool
segment_has_slot(const struct segment *segment, unsigned index)
{
	return index < SEGMENT_SLOTS + former_count(&segment->former);
}

void
segment_tidy(struct segment *segment)
{
	if (segment->former.map != NULL && former_sum(&segment->former).workers == 0)
		former_close(&segment->former);
}

void
segment_destroy(struct segment *segment)
{
	if (segment->head != NULL)
		munmap(segment->head, segment_size());
	segment->head = NULL;
	fd_close(&segment->fd);
	fd_close(&segment->readonly_fd);
	former_close(&segment->former);
}

int
segment_attach_to_read(struct segment *segment, struct error *error)
{
	munmap(segment->head, segment_size());
	segment->head = NULL;
	if (map_all(segment, segment->readonly_fd, PROT_READ) != 0)
		return error_errno(error, "cannot map the shared memory");
	fd_close(&segment->fd);
	fd_close(&segment->readonly_fd);
	return former_attach(&segment->former, error);
}

int
segment_view(struct segment *segment, int readonly_fd, int former_fd, struct error *error)
{
	*segment = SEGMENT_NONE;
	if (readonly_fd < 0 || !is_ours(readonly_fd))
		return error_set(error, "it has another layout of the shared memory");
	if (map_all(segment, readonly_fd, PROT_READ) != 0)
		return error_errno(error, "cannot map the shared memory");
	return former_fd >= 0 ? former_view(&segment->former, former_fd, error) : 0;
}

int
segment_attach(struct segment *segment, unsigned index, struct error *error)
{
	off_t offset = (off_t)(head_size + index * sizeof(struct slot));
	void *own = mmap(
		NULL, sizeof(struct slot), PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, offset);

	if (own == MAP_FAILED)
		return error_errno(error, "cannot map the shared memory");
	segment->own = own;
	return segment_attach_to_read(segment, error);
}

/* Of one in the former segment, nothing but the frozen part. */
static struct slot *
slot_at(const struct segment *segment, unsigned index)
{
	return index < SEGMENT_SLOTS ? &segment->slots[index]
				     : former_slot(&segment->former, index - SEGMENT_SLOTS);
}

void
segment_slot_claim(struct segment *segment, unsigned index, unsigned generation)
{
	struct slot *slot = &segment->slots[index];

	if (index >= atomic_load(&segment->head->slots_used))
		atomic_store(&segment->head->slots_used, index + 1);
	atomic_store(&slot->generation, generation);
	atomic_store(&slot->number, 0);
	atomic_store(&slot->pid, 0);
	atomic_store(&slot->state, SLOT_STARTING);
}

/* Whatever its worker says of them: a hole in the file costs nothing where nobody has written. */
static void
clear_addresses(struct slot *slot)
{
	if (madvise(slot->addresses, sizeof(slot->addresses), MADV_REMOVE) == 0)
		return;
	for (size_t i = 0; i < SEGMENT_ADDRESSES; i++)
		atomic_store_explicit(&slot->addresses[i], 0, memory_order_relaxed);
}

static void
clear(struct slot *slot)
{
	for (size_t i = 0; i < SEGMENT_SERVICES; i++)
		atomic_store(&slot->service_admitted[i], 0);
	clear_addresses(slot);
	atomic_store(&slot->pausing, false);
	atomic_store(&slot->moving, 0);
	for (size_t i = 0; i < SEGMENT_PRIORITIES; i++)
		atomic_store(&slot->queued[i], 0);
	atomic_store(&slot->busy, 0);
	atomic_store(&slot->descriptors, 0);
	atomic_store(&slot->memory, 0);
}

void
segment_slot_drop(struct segment *segment, unsigned index)
{
	struct slot *slot = slot_at(segment, index);

	if (index < SEGMENT_SLOTS)
		clear(slot);
	atomic_store(&slot->admitted, 0);
	atomic_store(&slot->pid, 0);
	atomic_store(&slot->state, SLOT_FREE);
}

int
segment_service_id(struct segment *segment, const char *name)
{
	for (int id = 0; id < SEGMENT_SERVICES; id++) {
		char *known = segment->head->services[id];

		if (strcmp(known, name) == 0)
			return id;
		if (known[0] == '\0') {
			strlcpy(known, name, SEGMENT_NAME_SIZE);
			return id;
		}
	}
	return -1;
}

unsigned
segment_service_count(const struct segment *segment)
{
	unsigned count = 0;

	while (count < SEGMENT_SERVICES && segment->head->services[count][0] != '\0')
		count++;
	return count;
}

void
segment_forget_services(struct segment *segment, unsigned count)
{
	for (; count < SEGMENT_SERVICES; count++)
		segment->head->services[count][0] = '\0';
}

unsigned
segment_slot_admitted(const struct segment *segment, unsigned index)
{
	return atomic_load(&slot_at(segment, index)->admitted);
}

bool
segment_slot_is_free(const struct segment *segment, unsigned index)
{
	return atomic_load(&slot_at(segment, index)->state) == SLOT_FREE;
}

bool
segment_slot_is_draining(const struct segment *segment, unsigned index)
{
	return atomic_load(&slot_at(segment, index)->state) == SLOT_DRAINING;
}

const char *
segment_slot_state_text(uint32_t state)
{
	static const char *const words[] = {
		[SLOT_FREE] = NULL,
		[SLOT_STARTING] = "starting",
		[SLOT_READY] = "ready",
		[SLOT_DRAINING] = "draining",
	};

	return state < countof(words) ? words[state] : NULL;
}

const char *
segment_state_text(uint32_t state)
{
	static const char *const words[] = {
		[SEGMENT_STARTING] = "starting",
		[SEGMENT_RUNNING] = "running",
		[SEGMENT_ENDING] = "draining",
	};

	return state < countof(words) ? words[state] : NULL;
}

int64_t
segment_slot_tick_ms(const struct segment *segment, unsigned index)
{
	return atomic_load_explicit(&slot_at(segment, index)->tick_ms, memory_order_relaxed);
}
