#include <config.h>

#include "master/seat.h"

int
seat_open(struct seat *seat, struct generation *generation, int number, struct loop *loop,
	event_callback_fn on_timer, struct error *error)
{
	*seat = (struct seat){ .generation = generation, .number = number };
	seat->timer = evtimer_new(loop->base, on_timer, seat);
	return seat->timer != NULL ? 0 : error_set(error, "cannot make a timer");
}

void
seat_close(struct seat *seat)
{
	if (seat->timer != NULL)
		event_free(seat->timer);
	seat->timer = NULL;
}

void
seat_take(struct seat *seat, struct child *child)
{
	if (seat->child == NULL)
		seat->child = child;
	else
		seat->next = child;
}

void
seat_leave(struct seat *seat, const struct child *child)
{
	if (seat->child == child)
		seat->child = seat->next;
	if (seat->child == seat->next || seat->next == child)
		seat->next = NULL;
}
