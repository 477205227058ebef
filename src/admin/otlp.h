/* Spans as OTLP, OpenTelemetry's protocol, has them. */
#ifndef ADMIN_OTLP_H
#define ADMIN_OTLP_H

#include <stddef.h>
#include <stdint.h>

#include "process/span_record.h"

enum {
	OTLP_HEAD_MAX = 1024,   /* bytes of what stands around all spans */
	OTLP_RECORD_MAX = 2048, /* bytes of the spans of one record, at most */
};

/* A record, and where its times begin: nanoseconds since 1970 when the monotonic clock began. */
struct otlp_item {
	struct span_record record;
	int64_t epoch_ns;
};

/*
 * Writes the ExportTraceServiceRequest of COUNT items to DATA of ROOM bytes. Returns its size, or 0
 * if it did not fit.
 */
size_t otlp_write(const struct otlp_item *const *items, size_t count, uint8_t *data, size_t room);

/* How many spans an ExportTraceServiceResponse says were refused. It may be anything. */
uint64_t otlp_rejected(const uint8_t *data, size_t size);

#endif
