#include <config.h>

#include "worker/request_log.h"

#include "base/log.h"

enum {
	WINDOW_MS = 1000,
};

static bool
is_within_rate(struct request_log *log, int64_t now_ms)
{
	if (now_ms - log->window_ms >= WINDOW_MS) {
		log->window_ms = now_ms;
		log->written = 0;
	}
	return log->written++ < log->rate;
}

void
request_log_write(struct request_log *log, const struct outcome *outcome, int64_t now_ms)
{
	const struct request *request = outcome->request;

	if (!is_within_rate(log, now_ms) && !request_result_is_failure(outcome->result))
		return;
	log_info("request", log_str("service", request->service->config->name),
		log_id("connection", request->connection),
		log_uint("request", request->public.number),
		log_str("result", request_result_text(outcome->result)),
		log_uint("received", request->public.message.size), log_uint("sent", outcome->sent),
		log_int("queue_us", outcome->phases.queue_us),
		log_int("handler_us", outcome->phases.handler_us),
		log_int("total_us", outcome->phases.total_us));
}
