/* Which trace a request belongs to. */
#ifndef DISPATCH_TRACE_H
#define DISPATCH_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/traceparent.h"

enum trace_kind {
	TRACE_NONE,
	TRACE_FOREIGN, /* its client's: nothing is said of it here, but it is handed on */
	TRACE_SAMPLED, /* spans of it are exported */
};

struct trace {
	uint8_t kind; /* enum trace_kind: the rest counts unless it is TRACE_NONE */
	bool has_parent;
	uint8_t span[SPAN_ID_SIZE]; /* SAMPLED: of the request */
	/* What calls of its handler are children of: the handler's span, or the client's. */
	struct traceparent context;
	uint8_t parent[SPAN_ID_SIZE]; /* SAMPLED: the client's span, if it has one */
};

#endif
