/* What the time of a request went into, once it is over for its client. Microseconds. */
#ifndef WORKER_PHASES_H
#define WORKER_PHASES_H

#include <stdint.h>

#include "dispatch/request.h"

struct phases {
	int64_t queue_us;   /* from the end of its message until its handler was called, if ever */
	int64_t handler_us; /* in that; it may still run */
	int64_t reply_us;   /* from its return on: kept, or behind replies of others */
	int64_t total_us;
};

/* REQUEST is measured. */
struct phases phases_of(const struct request *request, int64_t now_us);

#endif
