/*
 * What a worker tells the admin process of a request that is traced: one that is over, with its
 * times, from which the spans are made. Of fixed size; some may come in one datagram. Who reads
 * them believes nothing.
 */
#ifndef PROCESS_SPAN_RECORD_H
#define PROCESS_SPAN_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/traceparent.h"
#include "config/config.h"

enum {
	SPAN_RECORD_MAGIC = 0x31737066, /* "fps1" in memory: goes up when anything changes */
	SPAN_RECORDS_MAX = 16,          /* in one datagram */
	SPAN_ADDRESS_SIZE = 16,
};

struct span_record {
	uint32_t magic;
	uint16_t result;    /* enum request_result */
	uint8_t has_parent; /* 0 or 1, as the next one */
	uint8_t pooled;     /* it waited for the pool */
	uint8_t trace[TRACE_ID_SIZE];
	uint8_t parent[SPAN_ID_SIZE];
	uint8_t span[SPAN_ID_SIZE];    /* of the request */
	uint8_t queue[SPAN_ID_SIZE];   /* `pooled`: of its wait */
	uint8_t handler[SPAN_ID_SIZE]; /* of its handler, if that was called */
	/* Monotonic, microseconds. A handler that was not called has none. */
	int64_t framed_us, begun_us, ended_us, over_us;
	uint64_t connection, number;
	uint64_t received, sent; /* bytes */
	uint32_t worker, generation;
	uint16_t family, port; /* of the client: AF_INET, AF_INET6 or AF_UNIX; 0: unknown */
	uint32_t reserved;
	uint8_t address[SPAN_ADDRESS_SIZE];
	char service[CONFIG_SERVICE_NAME_MAX + 1];
};

/* Whether the handler was called, and how many spans there are of it. */
static inline bool
span_record_has_handler(const struct span_record *record)
{
	return record->begun_us != 0;
}

static inline unsigned
span_record_spans(const struct span_record *record)
{
	return 1U + record->pooled + (span_record_has_handler(record) ? 1 : 0);
}

/* Whether the record makes sense; RESULTS is how many there are. */
bool span_record_is_sane(const struct span_record *record, unsigned results);

#endif
