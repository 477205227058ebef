#include <config.h>

#include "process/loop.h"

int
loop_open(struct loop *loop, struct error *error)
{
	struct event_config *config = event_config_new();

	*loop = (struct loop){ 0 };
	if (config != NULL) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
		loop->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (loop->base == NULL)
		return error_errno(error, "cannot make an event loop");
	return 0;
}

void
loop_close(struct loop *loop)
{
	if (loop->base != NULL)
		event_base_free(loop->base);
	loop->base = NULL;
}

void
loop_run(struct loop *loop)
{
	while (!loop->stopping) {
		event_base_loop(loop->base, EVLOOP_ONCE);
		if (loop->turn_end != NULL)
			loop->turn_end(loop->arg);
		loop->now_ms = 0;
	}
}

void
loop_stop(struct loop *loop)
{
	loop->stopping = true;
}

void
loop_start_timer(struct event *timer, int64_t ms)
{
	struct timeval wait = loop_timeval(ms);

	evtimer_add(timer, &wait);
}
