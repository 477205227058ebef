#include <config.h>

#include "worker/own_memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

int
own_memory_open(void)
{
	return open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

int64_t
own_memory(int statm)
{
	char text[128];
	int64_t resident, shared;
	ssize_t size = pread(statm, text, sizeof(text) - 1, 0);

	if (size <= 0)
		return 0;
	text[size] = '\0';
	if (sscanf(text, "%*d %" SCNd64 " %" SCNd64, &resident, &shared) != 2)
		return 0;
	return (resident - shared) * sysconf(_SC_PAGESIZE);
}
