#include <config.h>

#include "config/service.h"

#include <assert.h>

#include "base/compiler.h"
#include "config/config.h"

const char *const config_admin_names[] = {
	[CONFIG_ADMIN_HTTP] = "(admin)",
	[CONFIG_ADMIN_AGENT] = "(agent)",
};
static_assert(countof(config_admin_names) == CONFIG_ADMIN__COUNT, "a name for each");
