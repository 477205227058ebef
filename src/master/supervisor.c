#include <config.h>

#include "master/supervisor.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/log.h"
#include "master/stage.h"
#include "master/steering.h"
#include "process/signals.h"

enum {
	CUT_OFF_MS = 2000, /* for a worker without a channel to end by itself */
};

static int64_t
drain_timeout_ms(const struct supervisor *supervisor)
{
	return supervisor->serving->config->drain_timeout_ms;
}

/* A generation that has served, or never will, is over with its last child. */
static void
end_if_empty(struct generation *generation)
{
	const struct supervisor *supervisor = generation->supervisor;

	if (generation->children > 0 || generation == supervisor->serving ||
		generation == supervisor->starting)
		return;
	log_debug("generation ended", log_int("generation", generation->number));
	TAILQ_REMOVE(&generation->supervisor->generations, generation, entry);
	generation_close(&generation);
}

static bool
all_seats_ready(const struct generation *generation)
{
	for (size_t i = 0; i < generation->seat_count; i++) {
		const struct child *child = generation->seats[i].child;

		if (child == NULL || child->state != CHILD_READY)
			return false;
	}
	return true;
}

static void drain_alone(struct child *child);
static void child_retires(struct child *child);

/* Who has waited for it in its seat goes. */
static void
serve(struct child *child)
{
	struct child *former = child->seat->child;

	child_go(child);
	if (former != child)
		drain_alone(former);
	if (child->retires)
		child_retires(child);
}

/* The first children of a generation accept together, later ones as soon as they can. */
static void
child_ready(struct child *child)
{
	struct supervisor *supervisor = child->supervisor;
	struct generation *generation = child->generation;

	if (child->state != CHILD_STARTING)
		return;
	child_is_ready(child);
	if (generation == supervisor->serving) {
		serve(child);
		steering_update(supervisor);
	} else if (generation == supervisor->starting && all_seats_ready(generation))
		supervisor->ops->ready(supervisor->arg);
}

/* Of a generation that starts, one child that cannot is enough. */
static void
child_failed(const struct child *child, int exit_status, const char *reason)
{
	struct supervisor *supervisor = child->supervisor;

	if (child->generation == supervisor->starting)
		supervisor->ops->failed(supervisor->arg, exit_status, reason);
	else if (child->generation == supervisor->serving)
		log_error("worker cannot start", log_int("worker", child->seat->number),
			log_int("generation", child->generation->number),
			log_int("pid", child->pid), log_str("reason", reason));
}

static void
on_late(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct child *child = arg;
	struct error error;

	if (child->cut_off)
		log_error("worker has closed its channel: killing it",
			log_int("worker", child->seat->number),
			log_int("generation", child->generation->number),
			log_int("pid", child->pid));
	else if (child->state == CHILD_RETIRED)
		log_warn("worker is left after drain_timeout: killing it",
			log_int("worker", child->seat->number),
			log_int("generation", child->generation->number),
			log_int("pid", child->pid));
	child_kill(child, SIGKILL);
	if (child->state != CHILD_STARTING)
		return;
	error_set(&error, "the worker was not ready within start_timeout");
	stage_error(child->generation->config, child->service, &error);
	child_failed(child, EX_CONFIG, error.text);
}

static void fill_later(struct seat *seat, const struct respawn_death *death);

/* Whether somebody is to be started for it, and nobody is yet. */
static bool
is_open(const struct seat *seat)
{
	const struct child *child = seat->child;

	if (seat->next != NULL || evtimer_pending(seat->timer, NULL))
		return false;
	return child == NULL ||
		(child->state == CHILD_RUNNING && child->retires && child->can_wait);
}

static void
drain_alone(struct child *child)
{
	struct supervisor *supervisor = child->supervisor;

	log_info("worker drains by itself, replacing it", log_int("worker", child->seat->number),
		log_int("generation", child->generation->number), log_int("pid", child->pid));
	child_retire(child, false, supervisor->serving->inbox[1], drain_timeout_ms(supervisor));
	steering_update(supervisor);
}

/*
 * While everything ends, its DRAIN is on the way already; and one that does not serve yet is
 * replaced when it does. One that can wait keeps its seat until the next one is ready.
 */
static void
child_retires(struct child *child)
{
	struct supervisor *supervisor = child->supervisor;
	struct seat *seat = child->seat;
	const struct respawn_death lived = {
		.lived_ms = loop_now(supervisor->loop) - child->born_ms,
		.ready = true,
	};

	child->retires = true;
	if (supervisor->stopping || child->state != CHILD_RUNNING)
		return;
	if (!child->can_wait)
		drain_alone(child);
	if (is_open(seat))
		fill_later(seat, &lived);
}

/* What a child says may be anything, and preforkd ends with what is documented. */
static int
known_status(int32_t exit_status)
{
	return exit_status == EX_CONFIG ? EX_CONFIG : EX_SOFTWARE;
}

/* Mostly it is dead, and waitpid will say more. One that lives cannot be told anything any more. */
static void
channel_ended(struct child *child)
{
	if (child->drained)
		return; /* on its way out, and watched */
	child->cut_off = true;
	loop_start_timer(child->timer, CUT_OFF_MS);
}

static void
on_message(void *arg, const struct message *message)
{
	struct child *child = arg;

	if (message == NULL) {
		channel_ended(child);
		return;
	}
	switch ((enum message_type)message->type) {
	case MESSAGE_STARTING:
		child->service = message->service;
		break;
	case MESSAGE_READY:
		child_ready(child);
		break;
	case MESSAGE_FAILED:
		if (child->failed)
			break;
		child->failed = true;
		child_failed(
			child, known_status(message->failed.exit_status), message->failed.reason);
		break;
	case MESSAGE_RETIRE:
		child->can_wait = message->retire.can_wait != 0;
		child_retires(child);
		break;
	case MESSAGE_DECLINED:
		steering_declined(child, message->listener.socket);
		break;
	case MESSAGE_DRAINED:
		child->drained = true;
		child->supervisor->moved += message->drained.moved;
		child->supervisor->closed += message->drained.closed;
		child->supervisor->cut += message->drained.cut;
		break;
	case MESSAGE_GO:
	case MESSAGE_ACCEPT:
	case MESSAGE_RELEASE:
	case MESSAGE_SETTINGS:
	case MESSAGE_DRAIN:
	case MESSAGE_INBOX:
		break;
	}
}

static const struct child_ops child_ops = {
	.received = on_message,
	.late = on_late,
};

static void fill(struct seat *seat);

static void
fill_later(struct seat *seat, const struct respawn_death *death)
{
	int64_t delay_ms = respawn_delay_ms(&seat->respawn, death);

	if (delay_ms == 0) {
		fill(seat);
		return;
	}
	log_warn("worker will be replaced", log_int("worker", seat->number),
		log_int("generation", seat->generation->number), log_int("delay_ms", delay_ms),
		log_int("deaths_in_a_row", seat->respawn.deaths));
	loop_start_timer(seat->timer, delay_ms);
}

static void
fill(struct seat *seat)
{
	const struct respawn_death failed_to_fork = { 0 };
	struct error error;
	struct child *child = child_spawn(seat, &child_ops, &error);
	if (child == NULL) {
		log_error("cannot start a worker", log_int("worker", seat->number),
			log_int("generation", seat->generation->number),
			log_str("reason", error.text));
		fill_later(seat, &failed_to_fork);
		return;
	}
	seat_take(seat, child);
}

static void
on_seat_timer(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	fill(arg);
}

static struct child *
find(const struct supervisor *supervisor, pid_t pid)
{
	struct child *child;

	TAILQ_FOREACH (child, &supervisor->children, entry) {
		if (child->pid == pid)
			return child;
	}
	return NULL;
}

/* Also one that had been ready: a generation that cannot wait for its start cannot serve. */
static void
died_at_start(const struct child *child, int status)
{
	struct error error;
	char how[64];

	signals_describe(status, how, sizeof(how));
	error_set(&error, "a worker died while it started: %s", how);
	stage_error(child->generation->config, child->service, &error);
	child_failed(child, EX_CONFIG, error.text);
}

static void
replace(struct seat *seat, const struct respawn_death *death)
{
	const struct generation *generation = seat->generation;

	if (generation != generation->supervisor->serving || generation->supervisor->stopping ||
		(size_t)seat->number > generation->seat_count || !is_open(seat))
		return;
	fill_later(seat, death);
}

static bool
is_expected(const struct child *child, int status)
{
	return child->supervisor->killing ||
		(child->drained && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* CHILD is reaped, and all that it said has been heard. */
static void
bury(struct child *child, int status)
{
	struct supervisor *supervisor = child->supervisor;
	struct generation *generation = child->generation;
	struct seat *seat = child->seat;
	const struct respawn_death death = {
		.lived_ms = loop_now(supervisor->loop) - child->born_ms,
		.ready = child->state != CHILD_STARTING,
	};
	const bool expected = is_expected(child, status);

	if (supervisor->stopping && !child->drained)
		supervisor->cut += child_connections(child);
	if (generation == supervisor->starting)
		died_at_start(child, status);
	if (generation->undone)
		log_debug("worker of a reload that failed ended", log_int("pid", child->pid));
	else
		child_log_end(child, status, expected);
	child_forget(child);
	steering_update(supervisor);
	replace(seat, &death);
	end_if_empty(generation);
}

void
supervisor_reaped(struct supervisor *supervisor, pid_t pid, int status)
{
	struct child *child = find(supervisor, pid);

	if (child == NULL) {
		log_debug("unknown process ended", log_int("pid", pid));
		return;
	}
	child->reaped = true;
	channel_drain(&child->channel);
	bury(child, status);
	if (!supervisor->stopping)
		supervisor->ops->gone(supervisor->arg);
	else if (TAILQ_EMPTY(&supervisor->children))
		supervisor->ops->all_gone(supervisor->arg);
}

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
	if (seat_open(seat, generation, (int)index + 1, generation->supervisor->loop, on_seat_timer,
		    error) != 0)
		return -1;
	seat->child = child_spawn(seat, &child_ops, error);
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
	struct child *child = child_adopt(seat, from, &child_ops, error);

	if (child == NULL)
		return -1;
	if (child->state != CHILD_RETIRED)
		seat->child = child;
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
			    on_seat_timer, error) != 0)
			return -1;
	}
	for (size_t i = 0; i < count; i++) {
		if (adopt_child(generation, &children[i], error) != 0)
			return -1;
	}
	for (size_t i = 0; i < generation->seat_count; i++) {
		if (generation->seats[i].child == NULL)
			loop_start_timer(generation->seats[i].timer, 0);
	}
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
		child_retire(child, false, generation->inbox[1], drain_timeout_ms(supervisor));
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
			child_retire(child, all, inbox, drain_timeout_ms(supervisor));
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
		serve(next->seats[i].child);
	steering_update(supervisor);
	if (former == NULL)
		return;
	steering_close_removed(supervisor, former);
	retire_children(former, false, next->inbox[1]);
	generation_retire(former);
	end_if_empty(former);
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
	end_if_empty(generation);
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
}

void
supervisor_settle(struct supervisor *supervisor)
{
	struct child *child;

	TAILQ_FOREACH (child, &supervisor->children, entry)
		child_settle(child, supervisor->serving->config,
			supervisor->stopping ? -1 : supervisor->serving->inbox[1]);
	child_drop_late_slots(supervisor);
	steering_update(supervisor);
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
	log_info("draining", log_int("timeout_ms", drain_timeout_ms(supervisor)));
	supervisor_abandon(supervisor);
	stop_filling(supervisor);
	for (size_t i = 0; i < supervisor->serving->use_count; i++)
		listener_seal(supervisor->serving->uses[i].listener);
	retire_children(supervisor->serving, true, -1);
	generation_retire(supervisor->serving);
	if (TAILQ_EMPTY(&supervisor->children))
		supervisor->ops->all_gone(supervisor->arg);
}
