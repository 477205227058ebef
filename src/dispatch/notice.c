#include <config.h>

#include "dispatch/notice.h"

#include <string.h>
#include <sys/param.h>

/* For modules without notices of their own. NULL: none. */
static const char *const texts[] = {
	[PF_NOTICE_BUSY] = "server busy",
	[PF_NOTICE_TIMEOUT] = "request timed out",
	[PF_NOTICE_HEARTBEAT] = NULL,
	[PF_NOTICE_GOODBYE] = NULL,
};

/* What stands before the length is the protocol's: it goes back as it came. */
static ptrdiff_t
write_default(const struct service *service, const char *text, struct pf_span message,
	char buffer[static PF_NOTICE_MAX])
{
	size_t head = MIN(message.size, service->wire.length_offset), size;

	if (text == NULL)
		return -1;
	size = strlen(text);
	if (head > 0)
		memcpy(buffer, message.data, head);
	memcpy(buffer + head, text, size);
	return (ptrdiff_t)(head + size);
}

ptrdiff_t
notice_write(const struct service *service, enum pf_notice which, struct pf_span message,
	char buffer[static PF_NOTICE_MAX])
{
	struct pf_service *public = (struct pf_service *)(uintptr_t)&service->public;
	ptrdiff_t size;

	if (service->module.notice == NULL)
		return write_default(service, texts[which], message, buffer);
	size = service->module.notice(public, which, message, buffer, PF_NOTICE_MAX);
	return size <= PF_NOTICE_MAX ? size : -1;
}
