/*
 * Every metric, declared once: what `/metrics` shows, and the check of the manual reads, is this
 * table. To add one: a counter in segment/counters.h or a member of a slot, what counts, a row
 * here, an entry in preforkd-metrics(7).
 */
#ifndef METRICS_TABLE_H
#define METRICS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "segment/segment.h"

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM, /* of times, or of ages */
};

/* Whose numbers it has, and so which labels. */
enum metric_scope {
	METRIC_SERVICES, /* {service}: sums over all workers that ever were */
	METRIC_WORKERS,  /* {worker}: a number, or "draining" for all that drain; `of_slot` */
	METRIC_SERVER,   /* of the whole; `of_server` */
};

struct metric {
	const char *name, *help;
	enum metric_type type;
	enum metric_scope scope;
	unsigned first;                      /* METRIC_SERVICES: enum counter, of the first value */
	unsigned (*counter)(unsigned index); /* of each, if they don't follow one another */
	bool by_slot;                        /* METRIC_SERVICES: `/status` has it by worker, too */
	bool unit_ms;                        /* a histogram of ages */
	const char *label;                   /* one more; NULL: none */
	unsigned count;                      /* of its values; 0 is 1 */
	const char *(*word)(unsigned index); /* each of them; NULL: that one is left out */
	uint64_t (*of_slot)(const struct slot *slot, unsigned index);
	/* METRIC_SERVICES: not from counters; then INDEX is the service. */
	uint64_t (*of_server)(const struct segment *segment, unsigned index);
	const _Atomic uint64_t *(*times)(const struct slot *slot); /* METRIC_SERVER, histogram */
};

extern const struct metric metric_table[];
extern const size_t metric_count;

#endif
