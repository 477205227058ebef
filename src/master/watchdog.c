#include <config.h>

#include "master/watchdog.h"

#include <signal.h>

#include "base/log.h"

enum {
	ABORT_MS = 1000, /* for the core, before SIGKILL */
};

static void
abort_child(struct child *child, int64_t still_ms)
{
	log_error("worker stands still: aborting it", log_int("worker", child->seat->number),
		log_int("generation", child->generation->number), log_int("pid", child->pid),
		log_int("still_ms", still_ms));
	child_kill(child, SIGABRT);
	child_kill(child, SIGCONT);
}

static void
look(struct child *child, int64_t timeout_ms, int64_t elapsed_ms)
{
	struct liveness *liveness = &child->liveness;
	const int64_t still_ms = liveness_look(liveness,
		segment_slot_tick_ms(child->supervisor->segment, child->slot), elapsed_ms,
		WATCHDOG_INTERVAL_MS);

	if (still_ms < timeout_ms)
		return;
	if (liveness->aborted_ms == 0) {
		liveness->aborted_ms = still_ms;
		abort_child(child, still_ms);
	} else if (still_ms >= liveness->aborted_ms + ABORT_MS)
		child_kill(child, SIGKILL);
}

void
watchdog_look(struct supervisor *supervisor, int64_t elapsed_ms)
{
	const int64_t timeout_ms = supervisor->serving->config->watchdog_timeout_ms;
	struct child *child;

	TAILQ_FOREACH (child, &supervisor->children, entry) {
		if (timeout_ms > 0 && child->turns)
			look(child, timeout_ms, elapsed_ms);
	}
}
