#include <config.h>

#include "process/loop.h"

#include <stdlib.h>
#include <sysexits.h>

#include "base/log.h"

/* What libevent says of itself goes the way of all lines. */
static void
on_library_log(int severity, const char *message)
{
	static struct log_limit limit;

	if (severity < EVENT_LOG_WARN)
		log_debug("libevent", log_str("text", message));
	else if (log_limit_pass(&limit, clock_monotonic_ms()))
		log_warn("libevent", log_str("text", message));
}

/* A loop that cannot wait cannot go on: whoever watches this process has to replace it. */
static PF_NORETURN void
on_library_end(int code)
{
	log_error("the event loop is broken", log_int("code", code));
	exit(EX_SOFTWARE);
}

int
loop_open(struct loop *loop, struct error *error)
{
	struct event_config *config = event_config_new();

	*loop = (struct loop){ 0 };
	event_set_log_callback(on_library_log);
	event_set_fatal_callback(on_library_end);
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
		if (event_base_loop(loop->base, EVLOOP_ONCE) < 0)
			on_library_end(-1);
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
