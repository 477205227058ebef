#include <config.h>

#include "worker/gauges.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/param.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "segment/counters.h"
#include "worker/own_memory.h"
#include "worker/worker.h"

enum {
	LOOK_MS = 1000,
	NS_PER_MS = 1000000,
};

static_assert((int)SEGMENT_PRIORITIES == (int)CONFIG_PRIORITY__COUNT, "a queue for each");

void
gauges_open(struct worker *worker)
{
	worker->gauges = (struct gauges){
		.statm = own_memory_open(),
		.descriptors = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.shown_ms = loop_now(&worker->loop),
	};
}

void
gauges_close(struct worker *worker)
{
	fd_close(&worker->gauges.statm);
	fd_close(&worker->gauges.descriptors);
}

/* Since Linux 6.2 the size of that folder says how many there are; before that it is 0. */
static uint32_t
count_descriptors(const struct gauges *gauges)
{
	struct stat folder;

	if (gauges->descriptors < 0 || fstat(gauges->descriptors, &folder) != 0)
		return 0;
	return (uint32_t)folder.st_size;
}

static void
look(struct gauges *gauges, struct slot *slot, int64_t now_ms)
{
	if (now_ms - gauges->looked_ms < LOOK_MS)
		return;
	gauges->looked_ms = now_ms;
	atomic_store_explicit(
		&slot->memory, (uint64_t)own_memory(gauges->statm), memory_order_relaxed);
	atomic_store_explicit(&slot->descriptors, count_descriptors(gauges), memory_order_relaxed);
}

void
gauges_show(struct worker *worker, int64_t interval_ms)
{
	struct gauges *gauges = &worker->gauges;
	struct slot *slot = worker->sessions.network->segment->own;
	struct pool *pool = &worker->sessions.dispatch.pool;
	const int64_t now_ms = loop_now(&worker->loop);
	const int64_t late_ms = now_ms - gauges->shown_ms - interval_ms;

	histogram_add(slot->lag, MAX(late_ms, 0) * NS_PER_MS, HISTOGRAM_TIME_SHIFT, 1);
	gauges->shown_ms = now_ms;
	for (int i = 0; i < CONFIG_PRIORITY__COUNT; i++)
		atomic_store_explicit(&slot->queued[i], pool_queued(pool, (enum config_priority)i),
			memory_order_relaxed);
	atomic_store_explicit(&slot->busy, pool_busy(pool), memory_order_relaxed);
	look(gauges, slot, now_ms);
}
