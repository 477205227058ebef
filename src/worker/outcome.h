/* A request that is over for its client, and what came of it. */
#ifndef WORKER_OUTCOME_H
#define WORKER_OUTCOME_H

#include <stddef.h>

#include "dispatch/request.h"
#include "worker/phases.h"

/* What the module may still write to is not read from the request. */
struct outcome {
	const struct request *request; /* measured */
	enum request_result result;
	size_t sent;    /* bytes of the reply */
	int fd;         /* of the connection; -1: it is closed */
	int64_t now_us; /* monotonic */
	struct phases phases;
};

#endif
