/*
 * When a worker has served enough: worker_max_age, worker_max_requests, worker_max_memory. It only
 * says so; worker.c asks the master for somebody in its place, and the connections go there.
 *
 * Workers that start together are not to go together, so each draws its own thresholds of age and
 * requests once, from what is configured up to a tenth more.
 */
#ifndef WORKER_RECYCLE_H
#define WORKER_RECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

struct recycle {
	int64_t born_ms; /* when it began to serve */
	/* 0: off */
	int64_t max_age_ms;
	int64_t max_requests;
	int64_t max_memory; /* bytes */
	int64_t look_ms;    /* when memory is looked at again */
	int statm;          /* see own_memory.h; borrowed */
};

/* What a worker draws: VALUE, at most 4 * 10^10, to a tenth more, evenly as RANDOM is; 0 stays. */
int64_t recycle_threshold(int64_t value, uint32_t random);

/* STATM: own_memory_open's, or -1. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int recycle_open(
	struct recycle *recycle, const struct config *config, int statm, struct error *error);

/* The worker serves from now on. */
void recycle_start(struct recycle *recycle, int64_t now_ms);

/* Whether it is to retire, after so many REQUESTS. If so, the log says why. */
bool recycle_is_due(struct recycle *recycle, uint64_t requests, int64_t now_ms);

#endif
