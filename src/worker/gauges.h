/* What a worker shows of itself in its slot, besides what it counts. Loop only. */
#ifndef WORKER_GAUGES_H
#define WORKER_GAUGES_H

#include <stdint.h>

struct worker;

struct gauges {
	int statm; /* files of /proc, which a chroot hides; -1: there are none */
	int descriptors;
	int64_t looked_ms; /* at these */
	int64_t shown_ms;
};

/* Opens what is to be looked at. What is missing is not shown. */
void gauges_open(struct worker *worker);
void gauges_close(struct worker *worker);

/* Every INTERVAL_MS, which says how late the loop is by now. */
void gauges_show(struct worker *worker, int64_t interval_ms);

#endif
