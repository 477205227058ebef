#include <config.h>

#include "master/supervisor.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "master/steering.h"
#include "master/supervisor_events.h"

void
supervisor_open(struct supervisor *supervisor, struct loop *loop, const struct role *role,
	struct segment *segment, const struct supervisor_ops *ops, void *arg)
{
	*supervisor = (struct supervisor){
		.loop = loop,
		.role = role,
		.segment = segment,
		.children = TAILQ_HEAD_INITIALIZER(supervisor->children),
		.generations = TAILQ_HEAD_INITIALIZER(supervisor->generations),
		.traces = { -1, -1 },
		.ops = ops,
		.arg = arg,
	};
}

void
supervisor_close(struct supervisor *supervisor)
{
	struct generation *generation;

	while ((generation = TAILQ_FIRST(&supervisor->generations)) != NULL) {
		TAILQ_REMOVE(&supervisor->generations, generation, entry);
		generation_close(&generation);
	}
}

static int
open_seat(struct generation *generation, size_t index, struct error *error)
{
	struct seat *seat = &generation->seats[index];

	seat_close(seat);
	if (seat_open(seat, generation, (int)index + 1, generation->supervisor->loop,
		    supervisor_on_seat_timer, error) != 0)
		return -1;
	seat->child = child_spawn(seat, &supervisor_child_ops, error);
	return seat->child != NULL ? 0 : -1;
}

int
supervisor_start(struct supervisor *supervisor, struct generation *generation, struct error *error)
{
	generation->supervisor = supervisor;
	TAILQ_INSERT_TAIL(&supervisor->generations, generation, entry);
	supervisor->starting = generation;
	for (size_t i = 0; i < generation->seat_count; i++) {
		if (open_seat(generation, i, error) != 0)
			return -1;
	}
	return 0;
}

/* One that has retired has left its seat, and may be of an older generation. */
static int
adopt_child(struct generation *generation, const struct heritage_child *from, struct error *error)
{
	struct seat *seat = &generation->seats[from->number - 1];
	struct child *child = child_adopt(seat, from, &supervisor_child_ops, error);

	if (child == NULL)
		return -1;
	if (child->state != CHILD_RETIRED)
		seat_take(seat, child);
	return 0;
}

int
supervisor_adopt(struct supervisor *supervisor, struct generation *generation,
	const struct heritage_child *children, size_t count, struct error *error)
{
	generation->supervisor = supervisor;
	generation->served = true;
	TAILQ_INSERT_TAIL(&supervisor->generations, generation, entry);
	supervisor->serving = generation;
	for (size_t i = 0; i < CONFIG_WORKERS_MAX; i++) {
		if (seat_open(&generation->seats[i], generation, (int)i + 1, supervisor->loop,
			    supervisor_on_seat_timer, error) != 0)
			return -1;
	}
	for (size_t i = 0; i < count; i++) {
		if (adopt_child(generation, &children[i], error) != 0)
			return -1;
	}
	for (size_t i = 0; i < generation->seat_count; i++) {
		if (supervisor_seat_is_open(&generation->seats[i]))
			loop_start_timer(generation->seats[i].timer, 0);
	}
	child_adopt_late_slots(supervisor);
	steering_update(supervisor);
	return 0;
}

int
supervisor_add(struct supervisor *supervisor, struct error *error)
{
	struct generation *generation = supervisor->serving;
	const size_t count = generation->seat_count;

	if (count == CONFIG_WORKERS_MAX)
		return error_set(error, "%d workers are the most", CONFIG_WORKERS_MAX);
	for (size_t i = 0; i < generation->use_count; i++) {
		const struct listener_use *use = &generation->uses[i];

		if (listeners_grow(generation->listeners, use->listener,
			    &generation->config->services[use->service], count + 1, error) != 0)
			return -1;
	}
	if (open_seat(generation, count, error) != 0)
		return -1;
	generation->seat_count++;
	return 0;
}

int
supervisor_remove(struct supervisor *supervisor, struct error *error)
{
	struct generation *generation = supervisor->serving;
	struct seat *seat = &generation->seats[generation->seat_count - 1];
	struct child *child;

	if (generation->seat_count == 1)
		return error_set(error, "one worker is the least");
	generation->seat_count--;
	event_del(seat->timer);
	steering_update(supervisor);
	while ((child = seat->child) != NULL)
		child_retire(child, false, generation->inbox[1],
			supervisor_drain_timeout_ms(supervisor));
	return 0;
}

static void
retire_children(struct generation *generation, bool all, int inbox)
{
	const struct supervisor *supervisor = generation->supervisor;
	struct child *child;

	for (size_t i = 0; i < generation->seat_count; i++)
		event_del(generation->seats[i].timer);
	TAILQ_FOREACH (child, &supervisor->children, entry) {
		if (child->state == CHILD_RETIRED)
			child_send_inbox(child, inbox);
		else if (child->generation == generation)
			child_retire(child, all, inbox, supervisor_drain_timeout_ms(supervisor));
	}
}

void
supervisor_switch(struct supervisor *supervisor)
{
	struct generation *former = supervisor->serving, *next = supervisor->starting;

	supervisor->serving = next;
	supervisor->starting = NULL;
	next->served = true;
	for (size_t i = 0; i < next->seat_count; i++)
		supervisor_serve(next->seats[i].child);
	steering_update(supervisor);
	if (former == NULL)
		return;
	steering_close_removed(supervisor, former);
	retire_children(former, false, next->inbox[1]);
	generation_retire(former);
	supervisor_end_if_empty(former);
}

void
supervisor_abandon(struct supervisor *supervisor)
{
	struct generation *generation = supervisor->starting;
	struct child *child;

	if (generation == NULL)
		return;
	supervisor->starting = NULL;
	generation_undo(generation);
	TAILQ_FOREACH (child, &supervisor->children, entry) {
		if (child->generation == generation)
			child_kill(child, SIGKILL);
	}
	supervisor_end_if_empty(generation);
}

size_t
supervisor_free_slots(const struct supervisor *supervisor)
{
	size_t free = 0;

	for (size_t i = 0; i < SEGMENT_SLOTS; i++)
		free += !supervisor->slot_used[i];
	return free;
}

bool
supervisor_lets_go(const struct supervisor *supervisor)
{
	const struct child *child;

	TAILQ_FOREACH (child, &supervisor->children, entry) {
		if (child->state == CHILD_RETIRED &&
			!segment_slot_is_draining(supervisor->segment, child->slot))
			return true;
	}
	return false;
}

void
supervisor_send_settings(struct supervisor *supervisor)
{
	struct child *child;

	TAILQ_FOREACH (child, &supervisor->children, entry)
		child_send_settings(child, supervisor->serving->config);
	supervisor->ops->settings(supervisor->arg);
}

void
supervisor_settle(struct supervisor *supervisor)
{
	struct child *child;

	TAILQ_FOREACH (child, &supervisor->children, entry)
		child_settle(child, supervisor->serving->config,
			supervisor->stopping ? -1 : supervisor->serving->inbox[1]);
	steering_update(supervisor);
	if (child_drop_late_slots(supervisor) && !supervisor->stopping)
		supervisor->ops->gone(supervisor->arg);
}

static void
stop_filling(struct supervisor *supervisor)
{
	const struct generation *serving = supervisor->serving;

	supervisor->stopping = true;
	for (size_t i = 0; serving != NULL && i < serving->seat_count; i++)
		event_del(serving->seats[i].timer);
}

void
supervisor_kill(struct supervisor *supervisor)
{
	struct child *child;

	stop_filling(supervisor);
	supervisor->killing = true;
	TAILQ_FOREACH (child, &supervisor->children, entry)
		child_kill(child, SIGKILL);
	if (TAILQ_EMPTY(&supervisor->children))
		supervisor->ops->all_gone(supervisor->arg);
}

void
supervisor_drain(struct supervisor *supervisor)
{
	/* Before anything has served there is nothing to drain, and init may hang. */
	if (supervisor->serving == NULL) {
		supervisor_kill(supervisor);
		return;
	}
	log_info("draining", log_int("timeout_ms", supervisor_drain_timeout_ms(supervisor)));
	supervisor_abandon(supervisor);
	stop_filling(supervisor);
	for (size_t i = 0; i < supervisor->serving->use_count; i++)
		listener_seal(supervisor->serving->uses[i].listener);
	retire_children(supervisor->serving, true, -1);
	generation_drain(supervisor->serving);
	if (TAILQ_EMPTY(&supervisor->children))
		supervisor->ops->all_gone(supervisor->arg);
}
