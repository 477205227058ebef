#include <config.h>

#include "segment/former.h"

#include <sys/mman.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

enum {
	HEAD_FROZEN = offsetof(struct segment_head, services),
};

static const struct segment_head *
head_of(const struct former *former)
{
	return (const struct segment_head *)(const void *)former->map;
}

static bool
makes_sense(const struct segment_head *head, off_t size)
{
	const uint64_t end = head->slot_offset + (uint64_t)head->slot_size * head->slot_count;

	return head->magic == SEGMENT_MAGIC && head->size == size && head->slot_count > 0 &&
		head->slot_count <= SEGMENT_FORMER_SLOTS && head->slot_offset >= HEAD_FROZEN &&
		head->slot_offset % SEGMENT_PAGE == 0 && head->slot_size > 0 &&
		head->slot_size % SEGMENT_PAGE == 0 && end <= head->size;
}

int
former_check(int fd, struct error *error)
{
	struct segment_head head = { 0 };
	struct stat file;

	if (fstat(fd, &file) != 0 || pread(fd, &head, HEAD_FROZEN, 0) != HEAD_FROZEN ||
		!makes_sense(&head, file.st_size))
		return error_set(error, "the shared memory makes no sense to this program");
	return 0;
}

static int
map_all(struct former *former, int fd, int protection, struct error *error)
{
	void *at = mmap(NULL, former->size, protection, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return error_errno(error, "cannot map the former shared memory");
	madvise(at, former->size, MADV_DONTDUMP);
	former->map = at;
	return 0;
}

int
former_open(struct former *former, int fd, int readonly_fd, struct error *error)
{
	struct stat file;

	*former = (struct former){ .fd = fd, .readonly_fd = readonly_fd };
	if (former_check(fd, error) != 0 || fstat(fd, &file) != 0)
		return -1;
	former->size = (size_t)file.st_size;
	return map_all(former, fd, PROT_READ | PROT_WRITE, error);
}

int
former_attach(struct former *former, struct error *error)
{
	if (former->map == NULL)
		return 0;
	munmap(former->map, former->size);
	former->map = NULL;
	if (map_all(former, former->readonly_fd, PROT_READ, error) != 0)
		return -1;
	fd_close(&former->fd);
	fd_close(&former->readonly_fd);
	return 0;
}

int
former_view(struct former *former, int fd, struct error *error)
{
	struct stat file;

	*former = FORMER_NONE;
	if (former_check(fd, error) != 0 || fstat(fd, &file) != 0)
		return -1;
	former->size = (size_t)file.st_size;
	return map_all(former, fd, PROT_READ, error);
}

void
former_close(struct former *former)
{
	if (former->map != NULL)
		munmap(former->map, former->size);
	former->map = NULL;
	fd_close(&former->fd);
	fd_close(&former->readonly_fd);
}

unsigned
former_count(const struct former *former)
{
	return former->map != NULL ? head_of(former)->slot_count : 0;
}

static unsigned
former_used(const struct former *former)
{
	if (likely(former->map == NULL))
		return 0;
	return MIN(atomic_load(&head_of(former)->slots_used), former_count(former));
}

struct slot *
former_slot(const struct former *former, unsigned index)
{
	const struct segment_head *head = head_of(former);

	return (struct slot *)(void *)(former->map + head->slot_offset +
		(size_t)index * head->slot_size);
}

struct former_sums
former_sum(const struct former *former)
{
	const unsigned used = former_used(former);
	struct former_sums sums = { 0 };

	for (unsigned i = 0; i < used; i++) {
		const struct slot *slot = former_slot(former, i);
		const uint32_t state = atomic_load(&slot->state);
		const uint32_t admitted = atomic_load(&slot->admitted);

		sums.released += atomic_load(&slot->released);
		sums.admitted += admitted;
		sums.draining += state == SLOT_DRAINING ? admitted : 0;
		sums.accepting += state == SLOT_STARTING || state == SLOT_READY;
		sums.workers += state != SLOT_FREE;
	}
	return sums;
}
