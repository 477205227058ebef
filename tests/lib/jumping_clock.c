/*
 * For LD_PRELOAD: the time of day is another than it is, by the seconds that stand in the file
 * that JUMPING_CLOCK names (an int64_t), which may change at any moment. CLOCK_MONOTONIC goes on as
 * it does when somebody sets the time of a machine.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *offset;

__attribute__((constructor)) static void
open_offset(void)
{
	const char *path = getenv("JUMPING_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		offset = map;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (offset != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += atomic_load(offset);
	return result;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec ns;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ns);
	*now = (struct timeval){ ns.tv_sec, ns.tv_nsec / 1000 };
	return 0;
}

time_t
time(time_t *now)
{
	struct timespec ns;

	clock_gettime(CLOCK_REALTIME, &ns);
	if (now != NULL)
		*now = ns.tv_sec;
	return ns.tv_sec;
}
