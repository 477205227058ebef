#include <config.h>

#include "worker/recycle.h"

#include <stdlib.h>

#include "base/log.h"
#include "worker/own_memory.h"

enum {
	LOOK_MS = 1000, /* between two looks at the memory, and before the first one */
	JITTER = 10,    /* a tenth */
};

int64_t
recycle_threshold(int64_t value, uint32_t random)
{
	const uint64_t choices = (uint64_t)value / JITTER + 1;

	return value + (int64_t)(choices * random >> 32);
}

int
recycle_open(struct recycle *recycle, const struct config *config, int statm, struct error *error)
{
	*recycle = (struct recycle){
		.max_age_ms = recycle_threshold(config->worker_max_age_ms, arc4random()),
		.max_requests = recycle_threshold(config->worker_max_requests, arc4random()),
		.max_memory = config->worker_max_memory,
		.statm = statm,
	};
	if (recycle->max_memory > 0 && statm < 0)
		return error_set(error, "worker_max_memory: cannot open /proc/self/statm");
	return 0;
}

/* A limit that nobody can keep would replace workers for ever, and help nobody. */
static void
check_base(struct recycle *recycle)
{
	const int64_t memory = own_memory(recycle->statm);

	if (memory < recycle->max_memory)
		return;
	log_warn("worker_max_memory does not count: a worker takes as much before it serves; set "
		 "it well above that",
		log_int("worker_max_memory", recycle->max_memory), log_int("memory", memory));
	recycle->max_memory = 0;
}

void
recycle_start(struct recycle *recycle, int64_t now_ms)
{
	recycle->born_ms = now_ms;
	recycle->look_ms = now_ms + LOOK_MS;
	if (recycle->max_memory > 0)
		check_base(recycle);
}

static bool
is_too_large(struct recycle *recycle, int64_t now_ms)
{
	int64_t memory;

	if (recycle->max_memory == 0 || now_ms < recycle->look_ms)
		return false;
	recycle->look_ms = now_ms + LOOK_MS;
	memory = own_memory(recycle->statm);
	if (memory <= recycle->max_memory)
		return false;
	log_info("worker retires", log_str("reason", "memory"), log_int("memory", memory));
	return true;
}

bool
recycle_is_due(struct recycle *recycle, uint64_t requests, int64_t now_ms)
{
	const int64_t age_ms = now_ms - recycle->born_ms;

	if (recycle->max_age_ms > 0 && age_ms >= recycle->max_age_ms) {
		log_info("worker retires", log_str("reason", "age"), log_int("age_ms", age_ms));
		return true;
	}
	if (recycle->max_requests > 0 && requests >= (uint64_t)recycle->max_requests) {
		log_info("worker retires", log_str("reason", "requests"),
			log_uint("requests", requests));
		return true;
	}
	return is_too_large(recycle, now_ms);
}
