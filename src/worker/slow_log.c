#include <config.h>

#include "worker/slow_log.h"

#include "base/address.h"
#include "base/traceparent.h"

static const char message[] = "slow request";

/* The last field, which does not exist if the request belongs to no trace. */
static struct log_field
trace_field(const struct trace *trace, char text[static 2 * TRACE_ID_SIZE + 1])
{
	if (trace->kind == TRACE_NONE)
		return (struct log_field){ 0 };
	traceparent_print_id(trace->context.trace, TRACE_ID_SIZE, text);
	return log_str("trace", text);
}

void
slow_log_write(struct slow_log *log, const struct outcome *outcome, int64_t now_ms)
{
	const struct request *request = outcome->request;
	const struct phases *phases = &outcome->phases;
	char peer[ADDRESS_TEXT_MAX], trace[2 * TRACE_ID_SIZE + 1];

	if (phases->total_us < log->least_us || !log_limit_pass(&log->limit, now_ms, message, NULL))
		return;
	address_print_peer(outcome->fd, peer);
	log_warn(message, log_str("service", request->service->config->name), log_str("peer", peer),
		log_id("connection", request->connection),
		log_uint("request", request->public.number),
		log_str("result", request_result_text(outcome->result)),
		log_uint("received", request->public.message.size), log_uint("sent", outcome->sent),
		log_int("queue_us", phases->queue_us), log_int("handler_us", phases->handler_us),
		log_int("reply_us", phases->reply_us), log_int("total_us", phases->total_us),
		trace_field(&request->trace, trace));
}
