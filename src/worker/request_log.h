/* A line a request: log.requests. */
#ifndef WORKER_REQUEST_LOG_H
#define WORKER_REQUEST_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/outcome.h"

struct request_log {
	int64_t rate;      /* lines a second; 0: none */
	int64_t window_ms; /* start of the current second */
	int64_t written;   /* lines in it */
};

static inline bool
request_log_is_on(const struct request_log *log)
{
	return log->rate > 0;
}

/* Writes the line of a request, if it is one of those to be written. */
void request_log_write(struct request_log *log, const struct outcome *outcome, int64_t now_ms);

#endif
