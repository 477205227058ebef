#include <config.h>

#include "worker/reporter.h"

#include "base/clock.h"

void
reporter_open(struct reporter *reporter, const struct inheritance *inheritance)
{
	const struct config *config = inheritance->config;
	const struct reporter_settings settings = {
		.requests = config->log_requests,
		.slow_ms = config->log_slow_ms,
		.traces = config->traces_endpoint[0] != '\0',
		.sample = config->traces_sample,
	};

	tracer_open(&reporter->tracer, inheritance);
	reporter_use(reporter, &settings);
}

void
reporter_use(struct reporter *reporter, const struct reporter_settings *settings)
{
	reporter->log.rate = settings->requests;
	reporter->slow.least_us = settings->slow_ms * 1000;
	tracer_use(&reporter->tracer, settings->traces, settings->sample);
	reporter->on = request_log_is_on(&reporter->log) || slow_log_is_on(&reporter->slow) ||
		settings->traces;
}

void
reporter_begin(
	struct reporter *reporter, struct request *request, int64_t framed_us, int64_t now_ms)
{
	const struct trace trace = tracer_begin(&reporter->tracer, request, now_ms);

	if (trace.kind != TRACE_NONE || request_log_is_on(&reporter->log) ||
		slow_log_is_on(&reporter->slow))
		request_measure(request, framed_us, &trace);
	else
		request->measured = false;
}

/* One that came while nothing was to be said has no times. */
void
reporter_end(struct reporter *reporter, const struct request *request, enum request_result result,
	size_t sent, int fd, int64_t now_ms)
{
	struct outcome outcome = {
		.request = request,
		.result = result,
		.sent = sent,
		.fd = fd,
	};

	if (!request->measured)
		return;
	outcome.now_us = clock_monotonic_us();
	outcome.phases = phases_of(request, outcome.now_us);
	if (request_log_is_on(&reporter->log))
		request_log_write(&reporter->log, &outcome, now_ms);
	if (slow_log_is_on(&reporter->slow))
		slow_log_write(&reporter->slow, &outcome, now_ms);
	if (request->trace.kind == TRACE_SAMPLED)
		tracer_end(&reporter->tracer, &outcome);
}
