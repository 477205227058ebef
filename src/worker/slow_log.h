/* A line for each request that took long: log.slow. So many a second at most; the rest is counted.
 */
#ifndef WORKER_SLOW_LOG_H
#define WORKER_SLOW_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "worker/outcome.h"

struct slow_log {
	int64_t least_us; /* what is slow; 0: nothing */
	struct log_limit limit;
};

static inline bool
slow_log_is_on(const struct slow_log *log)
{
	return log->least_us > 0;
}

/* Writes the line of a request, if that was slow. */
void slow_log_write(struct slow_log *log, const struct outcome *outcome, int64_t now_ms);

#endif
