/*
 * Which CPUs there are for workers: how many `workers = 0` means, and who runs on which. A quota
 * that the kernel does not say, or in a way that is not known here, is no limit.
 */
#ifndef PROCESS_CPUS_H
#define PROCESS_CPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
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

/*
 * Whether this process may run on each CPU of `cpu_affinity`. Returns 0, or -1 with an error that
 * names the place.
 */
PF_MUST_CHECK int cpus_check(const struct config *config, struct error *error);

/*
 * Puts the calling process, worker NUMBER from 1, on the CPUs that `cpu_affinity` has for it; its
 * threads inherit them. Returns 0, or -1 with the reason: the CPUs that there are may have changed
 * since the start.
 */
PF_MUST_CHECK int cpus_bind(const struct config *config, int number, struct error *error);

/*
 * Puts the calling process, a worker, under SCHED_BATCH, if `cpu_policy` says so: one that is woken
 * interrupts nobody. Its threads inherit that. Returns whether it was done.
 */
bool cpus_set_batch(const struct config *config);

/* After that: from now on the calling thread does interrupt, or does not. */
void cpus_set_eager(bool eager);

#endif
