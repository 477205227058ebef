/* The requests that modules keep, so that those which are forgotten are found. Loop only. */
#ifndef DISPATCH_KEPT_H
#define DISPATCH_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "dispatch/request.h"

struct kept {
	struct request_list recent;  /* the longest kept one first */
	struct request_list overdue; /* those that the log has a line about, or could not */
	struct log_limit limit;
};

void kept_open(struct kept *kept);

/* A request is kept and pending, or is no more. */
void kept_add(struct kept *kept, struct request *request, int64_t now_ms);
void kept_remove(struct kept *kept, struct request *request);

/* Once in a while: logs what has been kept for a minute. */
void kept_check(struct kept *kept, int64_t now_ms);

/* At the end: takes out one that was never answered, after a line about it; NULL: none is left. */
struct request *kept_take_unanswered(struct kept *kept);

#endif
