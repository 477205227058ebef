/*
 * For LD_PRELOAD: allocations of one process fail when a test says so. It says so in the file that
 * FAILING_MALLOC names (struct control), which the process maps and hands on to its children; the
 * test maps it too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own, by names that are not taken over here. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

/* In memory.py, too. */
struct control {
	_Atomic int32_t pid;    /* in which process; 0: in none */
	_Atomic int32_t before; /* allocations that still succeed */
	_Atomic int32_t fails;  /* those behind them that fail */
	_Atomic int32_t hits;   /* how many did */
};

static struct control *control;

__attribute__((constructor)) static void
open_control(void)
{
	const char *path = getenv("FAILING_MALLOC");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		control = map;
}

static int
fails(void)
{
	if (control == NULL || atomic_load(&control->pid) != getpid() ||
		atomic_fetch_sub(&control->before, 1) > 0)
		return 0;
	if (atomic_fetch_sub(&control->fails, 1) <= 0)
		return 0;
	atomic_fetch_add(&control->hits, 1);
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

void *
reallocarray(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, bytes);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

int
posix_memalign(void **memory, size_t alignment, size_t size)
{
	*memory = aligned_alloc(alignment, size);
	return *memory != NULL ? 0 : ENOMEM;
}
