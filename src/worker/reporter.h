/*
 * What is said of requests one by one: log.requests, log.slow and traces. While all are off, a
 * request costs a look at `on`, when it comes and when it is over.
 */
#ifndef WORKER_REPORTER_H
#define WORKER_REPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "process/inheritance.h"
#include "worker/request_log.h"
#include "worker/slow_log.h"
#include "worker/tracer.h"

struct reporter {
	bool on; /* something is said of some */
	struct request_log log;
	struct slow_log slow;
	struct tracer tracer;
};

/* What is to be said, as in struct config. */
struct reporter_settings {
	int64_t requests; /* log_requests */
	int64_t slow_ms;
	bool traces;
	int64_t sample;
};

/* Prepares for a worker, as its configuration says. */
void reporter_open(struct reporter *reporter, const struct inheritance *inheritance);

/* Takes them over. Requests that are under way keep what they have. */
void reporter_use(struct reporter *reporter, const struct reporter_settings *settings);

/* On: a message is whole; measures its request if something may have to be said of it. */
void reporter_begin(
	struct reporter *reporter, struct request *request, int64_t framed_us, int64_t now_ms);

/*
 * On: a request is over for its client. RESULT and SENT bytes are not read from it, since the
 * module may still have it. FD is that of its connection, or -1.
 */
void reporter_end(struct reporter *reporter, const struct request *request,
	enum request_result result, size_t sent, int fd, int64_t now_ms);

#endif
