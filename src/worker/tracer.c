#include <config.h>

#include "worker/tracer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/address.h"
#include "config/value.h"
#include "segment/counters.h"

enum {
	WINDOW_MS = 1000,
	ASKED_MAX = 100, /* in a window: clients must not decide what this costs */
};

void
tracer_open(struct tracer *tracer, const struct inheritance *inheritance)
{
	*tracer = (struct tracer){
		.fd = inheritance->traces,
		.worker = (uint32_t)inheritance->number,
		.generation = (uint32_t)inheritance->generation,
		.segment = inheritance->segment,
	};
	arc4random_buf(&tracer->random, sizeof(tracer->random));
	tracer->random |= 1;
}

void
tracer_use(struct tracer *tracer, bool on, int64_t sample)
{
	tracer->on = on;
	tracer->threshold = UINT64_MAX / VALUE_SHARE_ALL * (uint64_t)sample;
	if (sample == VALUE_SHARE_ALL)
		tracer->threshold = UINT64_MAX;
}

/* xorshift64, which is good enough for a choice; ids come from elsewhere. Never 0. */
static uint64_t
next_random(struct tracer *tracer)
{
	tracer->random ^= tracer->random << 13;
	tracer->random ^= tracer->random >> 7;
	tracer->random ^= tracer->random << 17;
	return tracer->random;
}

static bool
is_chosen(struct tracer *tracer)
{
	return next_random(tracer) <= tracer->threshold;
}

/* What its client says. Returns whether that is something. */
static bool
take_parent(const struct request *request, struct traceparent *parent)
{
	struct service *service = request->service;
	struct pf_span said;

	if (service->module.traceparent == NULL)
		return false;
	said = service->module.traceparent(&service->public, request->public.message);
	return said.data != NULL && traceparent_parse(parent, said.data, said.size) == 0;
}

static bool
may_ask(struct tracer *tracer, int64_t now_ms)
{
	if (now_ms - tracer->window_ms >= WINDOW_MS) {
		tracer->window_ms = now_ms;
		tracer->asked = 0;
	}
	if (tracer->asked == ASKED_MAX)
		return false;
	tracer->asked++;
	return true;
}

static bool
is_sampled(struct tracer *tracer, const struct trace *trace, int64_t now_ms)
{
	if (!trace->has_parent)
		return is_chosen(tracer);
	return trace->context.sampled && (may_ask(tracer, now_ms) || is_chosen(tracer));
}

struct trace
tracer_begin(struct tracer *tracer, const struct request *request, int64_t now_ms)
{
	struct trace trace = { .kind = TRACE_NONE };

	if (!tracer->on)
		return trace;
	trace.has_parent = take_parent(request, &trace.context);
	if (!is_sampled(tracer, &trace, now_ms)) {
		trace.kind = trace.has_parent ? TRACE_FOREIGN : TRACE_NONE;
		return trace;
	}
	trace.kind = TRACE_SAMPLED;
	if (trace.has_parent)
		memcpy(trace.parent, trace.context.span, SPAN_ID_SIZE);
	else
		arc4random_buf(trace.context.trace, TRACE_ID_SIZE);
	arc4random_buf(trace.context.span, SPAN_ID_SIZE);
	arc4random_buf(trace.span, SPAN_ID_SIZE);
	trace.context.sampled = true;
	return trace;
}

static void
note_client(struct span_record *record, int fd)
{
	struct address peer = { .size = sizeof(peer.storage) };

	if (fd < 0 || getpeername(fd, &peer.sa, &peer.size) != 0)
		return;
	record->family = peer.sa.sa_family;
	if (record->family == AF_INET) {
		record->port = ntohs(peer.in.sin_port);
		memcpy(record->address, &peer.in.sin_addr, sizeof(peer.in.sin_addr));
	} else if (record->family == AF_INET6) {
		record->port = ntohs(peer.in6.sin6_port);
		memcpy(record->address, &peer.in6.sin6_addr, sizeof(peer.in6.sin6_addr));
	}
}

/* A thread looks at the clock before the loop has framed what it joins to a job under way. */
static void
note_times(struct span_record *record, const struct outcome *outcome)
{
	const struct request *request = outcome->request;

	record->framed_us = request->framed_us;
	record->over_us = MAX(outcome->now_us, request->framed_us);
	if (request->begun_us == 0)
		return;
	record->begun_us = MIN(MAX(request->begun_us, record->framed_us), record->over_us);
	record->ended_us = request->ended_us > 0 ? request->ended_us : record->over_us;
	record->ended_us = MIN(MAX(record->ended_us, record->begun_us), record->over_us);
}

void
tracer_end(struct tracer *tracer, const struct outcome *outcome)
{
	const struct request *request = outcome->request;
	const struct trace *trace = &request->trace;
	struct span_record *record;

	if (tracer->count == SPAN_RECORDS_MAX)
		tracer_send(tracer);
	record = &tracer->records[tracer->count];
	tracer->services[tracer->count++] = request->service->id;
	*record = (struct span_record){
		.magic = SPAN_RECORD_MAGIC,
		.result = (uint16_t)outcome->result,
		.has_parent = trace->has_parent,
		.pooled = !request->is_inline,
		.connection = request->connection,
		.number = request->public.number,
		.received = request->public.message.size,
		.sent = outcome->sent,
		.worker = tracer->worker,
		.generation = tracer->generation,
	};
	memcpy(record->trace, trace->context.trace, TRACE_ID_SIZE);
	memcpy(record->parent, trace->parent, SPAN_ID_SIZE);
	memcpy(record->span, trace->span, SPAN_ID_SIZE);
	memcpy(record->handler, trace->context.span, SPAN_ID_SIZE);
	arc4random_buf(record->queue, SPAN_ID_SIZE);
	strlcpy(record->service, request->service->config->name, sizeof(record->service));
	note_client(record, outcome->fd);
	note_times(record, outcome);
}

static void
count_lost(struct tracer *tracer)
{
	for (unsigned i = 0; i < tracer->count; i++)
		counters_add(tracer->segment, tracer->services[i], COUNTER_SPANS_LOST,
			span_record_spans(&tracer->records[i]));
}

void
tracer_send(struct tracer *tracer)
{
	if (send(tracer->fd, tracer->records, tracer->count * sizeof(tracer->records[0]),
		    MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		count_lost(tracer);
	tracer->count = 0;
}
