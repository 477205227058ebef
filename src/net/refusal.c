#include <config.h>

#include "net/refusal.h"

#include <assert.h>

#include "base/compiler.h"

static const char *const refusal_texts[] = {
	[REFUSAL_NONE] = "none",
	[REFUSAL_DENIED] = "deny",
	[REFUSAL_NOT_ALLOWED] = "not in allow",
	[REFUSAL_FULL] = "max_connections",
	[REFUSAL_SERVICE_FULL] = "max_connections of the service",
	[REFUSAL_ADDRESS_FULL] = "max_connections_per_ip",
	[REFUSAL_NO_ROOM] = "max_connections_per_ip: too many addresses",
	[REFUSAL_NO_MEMORY] = "no memory",
};
static_assert(countof(refusal_texts) == REFUSAL__COUNT, "a text for each refusal");

const char *
refusal_text(enum refusal refusal)
{
	return refusal_texts[refusal];
}
