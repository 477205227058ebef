/*
 * What traces are made of that others say: a client's traceparent, a worker's record of a span, and
 * the collector's answer. The input is taken for each of them. A traceparent that is read has to be
 * the same when it is written, and spans of a record that is believed have their room.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/otlp.h"
#include "base/traceparent.h"
#include "dispatch/request_result.h"
#include "fuzz.h"

#define must(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

static void
take_parent(const uint8_t *data, size_t size)
{
	struct traceparent parent, again;
	char text[TRACEPARENT_SIZE + 1];

	if (traceparent_parse(&parent, (const char *)data, size) != 0)
		return;
	traceparent_print(&parent, text);
	must(traceparent_parse(&again, text, TRACEPARENT_SIZE) == 0);
	must(memcmp(parent.trace, again.trace, TRACE_ID_SIZE) == 0);
	must(memcmp(parent.span, again.span, SPAN_ID_SIZE) == 0);
	must(parent.sampled == again.sampled);
}

static void
take_record(const uint8_t *data, size_t size)
{
	struct otlp_item item = { .epoch_ns = 1 };
	const struct otlp_item *items[] = { &item };
	uint8_t body[OTLP_HEAD_MAX + OTLP_RECORD_MAX];

	if (size < sizeof(item.record))
		return;
	memcpy(&item.record, data, sizeof(item.record));
	if (span_record_is_sane(&item.record, REQUEST_RESULT__COUNT))
		must(otlp_write(items, 1, body, sizeof(body)) > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	take_parent(data, size);
	take_record(data, size);
	(void)otlp_rejected(data, size);
	return 0;
}
