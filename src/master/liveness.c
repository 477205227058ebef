#include <config.h>

#include "master/liveness.h"

int64_t
liveness_look(struct liveness *liveness, int64_t tick_ms, int64_t elapsed_ms, int64_t interval_ms)
{
	if (tick_ms != liveness->tick_ms)
		*liveness = (struct liveness){ .tick_ms = tick_ms };
	else
		liveness->still_ms += elapsed_ms < interval_ms ? elapsed_ms : interval_ms;
	return liveness->still_ms;
}
