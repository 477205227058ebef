/*
 * What the server does, at one moment and since a moment before: lines of workers and of services,
 * for `status` and `top`.
 */
#ifndef CTL_SHEET_H
#define CTL_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "metrics/values.h"
#include "tools/ctl/view.h"

struct worker_line {
	unsigned slot;
	uint32_t number, generation, pid;
	uint32_t state; /* enum slot_state */
	uint64_t connections, queued, busy, memory, descriptors;
	uint64_t requests; /* of the slot, ever */
	double rate;       /* of them, a second; since the sheet before */
};

struct service_line {
	const char *name; /* in the view */
	uint64_t connections, accepted, refused, requests, failed, received, sent;
	double rate;
	struct times times; /* of requests: ever, or since the sheet before */
};

struct sheet {
	int64_t taken_ns; /* CLOCK_MONOTONIC */
	struct worker_line workers[SEGMENT_SLOTS];
	size_t worker_count;
	struct service_line services[SEGMENT_SERVICES];
	struct times ever[SEGMENT_SERVICES];
	size_t service_count;
	uint64_t connections, max_connections;
	uint64_t restarts, reloads, reloads_failed;
	uint64_t started_s, loaded_s; /* CLOCK_REALTIME */
	uint32_t state;               /* enum segment_state */
	uint32_t wanted;              /* workers */
};

/* Fills SHEET from what VIEW shows; BEFORE: an earlier one of it, or NULL. */
void sheet_take(struct sheet *sheet, const struct view *view, const struct sheet *before);

#endif
