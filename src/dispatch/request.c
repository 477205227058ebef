#include <config.h>

#include "dispatch/request.h"

#include <assert.h>

#include "base/clock.h"
#include "dispatch/dispatch.h"
#include "dispatch/notice.h"
#include "dispatch/spans.h"

static bool
is_for_pool(const struct service *service, enum pf_place place)
{
	switch (service->config->dispatch) {
	case CONFIG_DISPATCH_INLINE:
		return false;
	case CONFIG_DISPATCH_POOL:
		return true;
	case CONFIG_DISPATCH_MODULE:
		break;
	}
	return place == PF_POOL;
}

static enum config_priority
priority_of(const struct service *service, enum pf_priority priority)
{
	switch (priority) {
	case PF_PRIORITY_HIGH:
		return CONFIG_PRIORITY_HIGH;
	case PF_PRIORITY_NORMAL:
		return CONFIG_PRIORITY_NORMAL;
	case PF_PRIORITY_LOW:
		return CONFIG_PRIORITY_LOW;
	case PF_PRIORITY_SERVICE:
		break;
	}
	return service->config->priority;
}

void
request_route(struct request *request)
{
	const struct service *service = request->service;
	struct pf_route route = { PF_INLINE, PF_PRIORITY_SERVICE };

	if (service->module.route != NULL)
		route = service->module.route(&request->public);
	request->routed = true;
	request->is_inline = !is_for_pool(service, route.place);
	if (!request->is_inline)
		request->priority = (uint8_t)priority_of(service, route.priority);
}

void
request_measure(struct request *request, int64_t framed_us, const struct trace *trace)
{
	request->measured = true;
	request->framed_us = framed_us;
	request->begun_us = request->ended_us = 0;
	request->trace = *trace;
}

void
request_run_measured(struct request *request)
{
	request->begun_us = clock_monotonic_us();
	request_call(request);
	request->ended_us = clock_monotonic_us();
}

int
request_record(struct request *request, const struct pf_span *parts, size_t count)
{
	struct reply *reply = &request->reply;
	const size_t size = spans_size(parts, count);
	struct wire_envelope envelope;

	if (wire_encode(&request->service->wire, size, (enum wire_end)request->end, &envelope) !=
		0) {
		reply->size = size;
		request->result = REQUEST_TOO_BIG;
		return PF_E_TOO_BIG;
	}
	if (reply_fill(reply, &request->public.message, parts, count) != 0)
		return PF_E_MEMORY;
	request->result = REQUEST_OK;
	return PF_OK;
}

int
request_answer_notice(struct request *request, enum pf_notice which)
{
	char buffer[PF_NOTICE_MAX];
	struct pf_span notice = { .data = buffer };
	ptrdiff_t size = notice_write(request->service, which, request->public.message, buffer);
	int result = PF_OK;

	if (size >= 0) {
		notice.size = (size_t)size;
		result = request_record(request, &notice, 1);
	}
	request->answered = size >= 0 && result == PF_OK;
	request->result = which == PF_NOTICE_BUSY ? REQUEST_BUSY : REQUEST_TIMEOUT;
	request->state = REQUEST_DONE;
	return result != PF_E_MEMORY ? 0 : -1;
}

void
request_end_kept(struct request *request)
{
	struct completion *completion = &request->service->dispatch->completion;

	request->post.kind = POST_REQUEST;
	if ((atomic_fetch_or(&request->progress, REQUEST_OVER) & REQUEST_RETURNED) != 0)
		completion_post(completion, &request->post);
}
