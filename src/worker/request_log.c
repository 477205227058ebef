#include <config.h>

#include "worker/request_log.h"

#include "base/clock.h"
#include "base/log.h"

enum {
	WINDOW_MS = 1000,
};

static bool
is_failure(enum request_result result)
{
	return result != REQUEST_OK && result != REQUEST_NONE;
}

static bool
is_within_rate(struct request_log *log, int64_t now_ms)
{
	if (now_ms - log->window_ms >= WINDOW_MS) {
		log->window_ms = now_ms;
		log->written = 0;
	}
	return log->written++ < log->rate;
}

/* One that never reached its handler has waited to the end. */
static int64_t
queue_us(const struct request *request, int64_t now_us)
{
	return (request->begun_us > 0 ? request->begun_us : now_us) - request->framed_us;
}

/* It may still run. */
static int64_t
handler_us(const struct request *request, int64_t now_us)
{
	if (request->begun_us == 0)
		return 0;
	return (request->ended_us > 0 ? request->ended_us : now_us) - request->begun_us;
}

void
request_log_write(struct request_log *log, const struct request *request,
	enum request_result result, size_t sent, int64_t now_ms)
{
	const int64_t now_us = clock_monotonic_us();

	if (!is_within_rate(log, now_ms) && !is_failure(result))
		return;
	log_info("request", log_str("service", request->service->config->name),
		log_id("connection", request->connection),
		log_uint("request", request->public.number),
		log_str("result", request_result_text(result)),
		log_uint("received", request->public.message.size), log_uint("sent", sent),
		log_int("queue_us", queue_us(request, now_us)),
		log_int("handler_us", handler_us(request, now_us)),
		log_int("total_us", now_us - request->framed_us));
}
