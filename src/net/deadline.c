#include <config.h>

#include "net/deadline.h"

static int
compare(const struct deadline *a, const struct deadline *b)
{
	if (a->queued_ms != b->queued_ms)
		return a->queued_ms < b->queued_ms ? -1 : 1;
	return a < b ? -1 : a > b;
}

RB_GENERATE_INTERNAL(deadline_tree, deadline, entry, compare, static PF_UNUSED)

static void
set_timer(struct deadlines *deadlines)
{
	const struct deadline *first = RB_MIN(deadline_tree, &deadlines->tree);
	int64_t wait_ms;

	if (first == NULL || first->queued_ms >= deadlines->timer_ms)
		return;
	deadlines->timer_ms = first->queued_ms;
	wait_ms = first->queued_ms - loop_now(deadlines->loop);
	loop_start_timer(deadlines->timer, wait_ms > 0 ? wait_ms : 0);
}

void
deadline_requeue(struct deadlines *deadlines, struct deadline *deadline)
{
	if (deadline->queued_ms != DEADLINE_NEVER)
		RB_REMOVE(deadline_tree, &deadlines->tree, deadline);
	deadline->queued_ms = deadline->due_ms;
	if (deadline->queued_ms != DEADLINE_NEVER)
		RB_INSERT(deadline_tree, &deadlines->tree, deadline);
	set_timer(deadlines);
}

static void
on_timer(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct deadlines *deadlines = arg;
	int64_t now_ms = loop_now(deadlines->loop);
	struct deadline *first;

	deadlines->timer_ms = INT64_MIN; /* armed once, at the end */
	while ((first = RB_MIN(deadline_tree, &deadlines->tree)) != NULL &&
		first->queued_ms <= now_ms) {
		if (first->due_ms > now_ms) {
			deadline_requeue(deadlines, first);
			continue;
		}
		deadline_cancel(deadlines, first);
		deadlines->expired(first);
	}
	deadlines->timer_ms = DEADLINE_NEVER;
	set_timer(deadlines);
}

int
deadlines_open(struct deadlines *deadlines, struct loop *loop,
	void (*expired)(struct deadline *deadline), struct error *error)
{
	*deadlines = (struct deadlines){
		.tree = RB_INITIALIZER(&deadlines->tree),
		.loop = loop,
		.timer_ms = DEADLINE_NEVER,
		.expired = expired,
	};
	deadlines->timer = evtimer_new(loop->base, on_timer, deadlines);
	if (deadlines->timer == NULL)
		return error_set(error, "cannot make a timer");
	return 0;
}

void
deadlines_close(struct deadlines *deadlines)
{
	if (deadlines->timer != NULL)
		event_free(deadlines->timer);
	deadlines->timer = NULL;
}

void
deadline_init(struct deadline *deadline)
{
	deadline->due_ms = deadline->queued_ms = DEADLINE_NEVER;
}

void
deadline_cancel(struct deadlines *deadlines, struct deadline *deadline)
{
	deadline->due_ms = DEADLINE_NEVER;
	if (deadline->queued_ms != DEADLINE_NEVER)
		deadline_requeue(deadlines, deadline);
}
