#include <config.h>

#include "process/loop.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <sysexits.h>

#include "base/fd.h"
#include "base/log.h"

/* What libevent says of itself goes the way of all lines. */
static void
on_library_log(int severity, const char *message)
{
	static struct log_limit limit;

	if (severity < EVENT_LOG_WARN)
		log_debug("libevent", log_str("text", message));
	else if (log_limit_pass(&limit, clock_monotonic_ms(), "libevent", NULL))
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
	if (loop->wake != NULL) {
		event_free(loop->wake);
		fd_close(&loop->wake_fd);
	}
	loop->wake = NULL;
	if (loop->base != NULL)
		event_base_free(loop->base);
	loop->base = NULL;
}

/* Each write is an edge, so that its count need not be read. */
static void
on_wake(int fd PF_UNUSED, short what PF_UNUSED, void *arg PF_UNUSED)
{
}

int
loop_open_wake(struct loop *loop, struct error *error)
{
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		return error_errno(error, "cannot make an eventfd");
	loop->wake =
		event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST | EV_ET, on_wake, NULL);
	if (loop->wake != NULL && event_add(loop->wake, NULL) == 0)
		return 0;
	fd_close(&loop->wake_fd);
	return error_set(error, "cannot wait for an eventfd");
}

void
loop_wake(struct loop *loop)
{
	if (atomic_load(&loop->waiting) && atomic_exchange(&loop->waiting, false))
		(void)eventfd_write(loop->wake_fd, 1);
}

/* The first event of a turn asks for the time: from then on nobody needs to wake the loop. */
void
loop_read_time(struct loop *loop)
{
	atomic_store_explicit(&loop->waiting, false, memory_order_relaxed);
	loop->now_ms = clock_monotonic_ms();
}

static void
turn(struct loop *loop)
{
	int flags = EVLOOP_ONCE;

	atomic_store(&loop->waiting, true);
	if (loop->is_busy != NULL && loop->is_busy(loop->arg))
		flags |= EVLOOP_NONBLOCK;
	if (event_base_loop(loop->base, flags) < 0)
		on_library_end(-1);
	atomic_store_explicit(&loop->waiting, false, memory_order_relaxed);
	if (loop->turn_end != NULL)
		loop->turn_end(loop->arg);
	loop->now_ms = 0;
}

void
loop_run(struct loop *loop)
{
	while (!loop->stopping)
		turn(loop);
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
