/* The functions that modules may call. They run on whatever thread the module calls them on. */
#include <config.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/log.h"
#include "dispatch/dispatch.h"
#include "dispatch/spans.h"

enum {
	LOG_TEXT_MAX = 1024,
};

static struct request *
request_of(struct pf_request *public)
{
	return container_of(public, struct request, public);
}

static const struct service *
service_of(const struct pf_service *public)
{
	return (const struct service *)(const void *)((const char *)public -
		offsetof(struct service, public));
}

/* PF_OK if a reply can still reach the client. */
static int
check_in_time(struct request *request)
{
	const unsigned progress = atomic_load_explicit(&request->progress, memory_order_relaxed);

	if (unlikely((progress & REQUEST_GONE) != 0))
		return PF_E_CLOSED;
	return unlikely((progress & REQUEST_LATE) != 0) ? PF_E_LATE : PF_OK;
}

/* A kept request is over with its reply, unless that could not be made. */
static int
end_kept(struct request *request, int result)
{
	if (result != PF_E_TOO_BIG && result != PF_E_MEMORY)
		request_end_kept(request);
	return result;
}

static int
api_reply(struct pf_request *public, const struct pf_span *parts, size_t count)
{
	struct request *request = request_of(public);
	int result;

	if (request->answered)
		return PF_E_ANSWERED;
	result = check_in_time(request);
	if (likely(result == PF_OK))
		result = request->send(request, parts, count);
	request->answered = result == PF_OK;
	return likely(!request->kept) ? result : end_kept(request, result);
}

static void *
api_reserve(struct pf_request *public, size_t size)
{
	return reply_reserve(&request_of(public)->reply, size);
}

static int
api_keep(struct pf_request *public)
{
	struct request *request = request_of(public);
	const struct pf_span *message = &public->message;

	if (request->answered)
		return PF_E_ANSWERED;
	if (request->payload == NULL) {
		request->payload = payload_copy((struct span){ message->data, message->size });
		if (request->payload == NULL)
			return PF_E_MEMORY;
		public->message.data = request->payload->data;
	}
	request->send = request_record;
	request->kept = true;
	return PF_OK;
}

static void
api_drop(struct pf_request *public)
{
	request_end_kept(request_of(public));
}

static int
api_send(struct pf_service *public, uint64_t connection, const struct pf_span *parts, size_t count)
{
	const struct service *service = service_of(public);
	const struct letter letter = { .kind = LETTER_SEND, .connection = connection };
	struct wire_envelope envelope;

	if (wire_encode(&service->wire, spans_size(parts, count), WIRE_CRLF, &envelope) != 0)
		return PF_E_TOO_BIG;
	return letter_post(service, &letter, parts, count);
}

static int
api_set_idle_timeout(struct pf_service *public, uint64_t connection, int64_t ms)
{
	const struct letter letter = {
		.kind = LETTER_IDLE_TIMEOUT,
		.connection = connection,
		.value = ms,
	};

	return letter_post(service_of(public), &letter, NULL, 0);
}

static int
api_close(struct pf_service *public, uint64_t connection)
{
	const struct letter letter = { .kind = LETTER_CLOSE, .connection = connection };

	return letter_post(service_of(public), &letter, NULL, 0);
}

static enum log_level
level_of(enum pf_log_level level)
{
	return level >= PF_LOG_DEBUG && level <= PF_LOG_ERROR ? (enum log_level)level
							      : LOG_LEVEL_ERROR;
}
static_assert(
	(int)PF_LOG_DEBUG == (int)LOG_LEVEL_DEBUG && (int)PF_LOG_ERROR == (int)LOG_LEVEL_ERROR,
	"the same levels");

static PF_PRINTF(2, 0) void log_text(
	enum pf_log_level level, const char *format, va_list args, const struct log_field *fields)
{
	char text[LOG_TEXT_MAX];

	if (!log_enabled(level_of(level)))
		return;
	vsnprintf(text, sizeof(text), format, args);
	log_write(level_of(level), text, fields);
}

static size_t
api_traceparent(const struct pf_request *public, char text[PF_TRACEPARENT_SIZE])
{
	const struct request *request = (const struct request *)(const void *)public;

	text[0] = '\0';
	if (!request->measured || request->trace.kind == TRACE_NONE)
		return 0;
	traceparent_print(&request->trace.context, text);
	return TRACEPARENT_SIZE;
}
static_assert((int)PF_TRACEPARENT_SIZE == (int)TRACEPARENT_SIZE + 1, "with its end");

static PF_PRINTF(3, 4) void api_log(
	const struct pf_request *public, enum pf_log_level level, const char *format, ...)
{
	const struct request *request = (const struct request *)(const void *)public;
	va_list args;

	va_start(args, format);
	log_text(level, format, args,
		LOG_FIELDS(log_str("service", request->service->config->name),
			log_id("connection", request->connection),
			log_uint("request", public->number)));
	va_end(args);
}
static_assert(offsetof(struct request, public) == 0, "one is the other");

static PF_PRINTF(4, 5) void api_log_service(const struct pf_service *public, uint64_t connection,
	enum pf_log_level level, const char *format, ...)
{
	struct log_field fields[] = { log_str("service", public->name), { 0 }, { 0 } };
	va_list args;

	if (connection != 0)
		fields[1] = log_id("connection", connection);
	va_start(args, format);
	log_text(level, format, args, fields);
	va_end(args);
}

static PF_PRINTF(2, 3) int api_fail(struct pf_service *public, const char *format, ...)
{
	const struct service *service = service_of(public);
	char text[256];
	va_list args;

	if (service->init_error == NULL)
		return -1;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_set(service->init_error, "%s", text);
}

const struct pf_api dispatch_api = {
	.size = sizeof(struct pf_api),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.reply = api_reply,
	.reserve = api_reserve,
	.keep = api_keep,
	.drop = api_drop,
	.send = api_send,
	.set_idle_timeout = api_set_idle_timeout,
	.close = api_close,
	.log = api_log,
	.log_service = api_log_service,
	.fail = api_fail,
	.traceparent = api_traceparent,
};
