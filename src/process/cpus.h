/*
 * Which CPUs there are for workers: how many of them `workers = 0` means. What the kernel does not
 * say, or says in a way that is not known here, is no limit.
 */
#ifndef PROCESS_CPUS_H
#define PROCESS_CPUS_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define CPUS_NO_LIMIT SIZE_MAX

/*
 * How many CPUs the quotas of the process's cgroups leave: those of its own group and of every one
 * above it, in version 2 (cpu.max) and 1 (cpu.cfs_quota_us); the least counts, and a part of a CPU
 * is one. Files are looked for below ROOT, "" but in tests. Returns at least 1, or CPUS_NO_LIMIT.
 */
size_t cpus_quota(const char *root);

/* What `workers` of CONFIG means; 0 is one for each CPU that affinity mask and quota leave. */
size_t cpus_workers(const struct config *config);

#endif
