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
