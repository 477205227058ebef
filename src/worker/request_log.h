/* A line a request: log.requests. */
#ifndef WORKER_REQUEST_LOG_H
#define WORKER_REQUEST_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "dispatch/request.h"

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

/*
 * Writes the line of a request that is over for its client, if it is one of those to be written.
 * RESULT and SENT bytes are not read from it, since the module may still have it.
 */
void request_log_write(struct request_log *log, const struct request *request,
	enum request_result result, size_t sent, int64_t now_ms);

#endif
