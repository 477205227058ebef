#include <config.h>

#include "dispatch/dispatch.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/compiler.h"

static int
api_reply(struct pf_request *public, const struct pf_span *parts, size_t count)
{
	struct request *request = container_of(public, struct request, public);
	int result;

	if (request->answered)
		return PF_E_ANSWERED;
	result = request->send(request, parts, count);
	request->answered = result == PF_OK;
	return result;
}

static PF_PRINTF(2, 3) int api_fail(struct pf_service *public, const char *format, ...)
{
	const struct service *service = container_of(public, struct service, public);
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
	.fail = api_fail,
};
