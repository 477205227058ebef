/*
 * Sends spans to the collector, in batches, by OTLP over HTTP. What waits for it is bounded, and so
 * is the time that a batch gets: a collector that is down, slow or mad costs spans, which are
 * counted, and nothing else.
 *
 *	IDLE --a batch is due--> SENDING --taken, refused, or tried often enough--> IDLE
 *	                          |   ^
 *	                          +---+-- WAITING, longer each time
 */
#ifndef ADMIN_EXPORTER_H
#define ADMIN_EXPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "process/loop.h"
#include "process/span_record.h"
#include "segment/layout.h"

/* What has become of spans since the owner was told so last. */
struct exporter_counts {
	uint32_t exported;
	uint32_t dropped[SPANS__COUNT];
};

struct exporter_ops {
	/* Once a second, if there are any. Returns whether they were told: they begin at 0 again.
	 */
	bool (*counted)(void *arg, const struct exporter_counts *counts);
	/* After exporter_finish: all that could be sent is. */
	void (*finished)(void *arg);
};

struct exporter;

/* To ENDPOINT, as the configuration has it. NULL with the reason. */
struct exporter *exporter_open(struct loop *loop, const char *endpoint,
	const struct exporter_ops *ops, void *arg, struct error *error) PF_MUST_CHECK;

/* NULL is accepted. Not in a callback. */
void exporter_close(struct exporter **exporter);

/* A record for the next batch, which makes sense; one that does not is only counted. */
void exporter_add(struct exporter *exporter, const struct span_record *record);
void exporter_add_malformed(struct exporter *exporter);

/* Sends what there is, as long as the collector takes it, and for no longer than a moment. */
void exporter_finish(struct exporter *exporter);

#endif
