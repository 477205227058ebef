#include <config.h>

#include "master/supervisor_events.h"

#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/log.h"
#include "master/shown.h"
#include "master/stage.h"
#include "master/steering.h"
#include "process/signals.h"

enum {
	CUT_OFF_MS = 2000, /* for a worker without a channel to end by itself */
};

int64_t
supervisor_drain_timeout_ms(const struct supervisor *supervisor)
{
	return supervisor->serving->config->drain_timeout_ms;
}

/* A generation that has served, or never will, is over with its last child. */
void
supervisor_end_if_empty(struct generation *generation)
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
void
supervisor_serve(struct child *child)
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
		supervisor_serve(child);
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

bool
supervisor_seat_is_open(const struct seat *seat)
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
	child_retire(child, false, supervisor->serving->inbox[1],
		supervisor_drain_timeout_ms(supervisor));
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
	if (supervisor_seat_is_open(seat))
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
	case MESSAGE_GIVEN:
		child->sharing = false;
		child->supervisor->ops->given(child->supervisor->arg, message->given.moved);
		break;
	case MESSAGE_GIVE:
	case MESSAGE_TAKE:
	case MESSAGE_LIST:
	case MESSAGE_GO:
	case MESSAGE_ACCEPT:
	case MESSAGE_RELEASE:
	case MESSAGE_SETTINGS:
	case MESSAGE_DRAIN:
	case MESSAGE_INBOX:
	case MESSAGE_SPANS:
		break;
	}
}

const struct child_ops supervisor_child_ops = {
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
	struct child *child = child_spawn(seat, &supervisor_child_ops, &error);
	if (child == NULL) {
		log_error("cannot start a worker", log_int("worker", seat->number),
			log_int("generation", seat->generation->number),
			log_str("reason", error.text));
		fill_later(seat, &failed_to_fork);
		return;
	}
	seat_take(seat, child);
}

void
supervisor_on_seat_timer(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
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

static bool
is_to_be_filled(const struct seat *seat)
{
	const struct generation *generation = seat->generation;

	return generation == generation->supervisor->serving && !generation->supervisor->stopping &&
		(size_t)seat->number <= generation->seat_count;
}

static void
replace(struct seat *seat, const struct respawn_death *death)
{
	if (is_to_be_filled(seat) && supervisor_seat_is_open(seat))
		fill_later(seat, death);
}

static bool
is_expected(const struct child *child, int status)
{
	return child->supervisor->killing ||
		(child->drained && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static enum segment_restart
reason_of(const struct child *child, int status, bool expected)
{
	if (expected)
		return RESTART_RETIRED;
	if (child->liveness.aborted_ms > 0)
		return RESTART_WATCHDOG;
	if (child->state == CHILD_STARTING)
		return RESTART_START;
	return WIFSIGNALED(status) ? RESTART_SIGNAL : RESTART_EXIT;
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
	const bool asked = child->retires; /* else it was one too many, when it was told to end */
	const enum segment_restart reason = reason_of(child, status, expected);

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
	if (is_to_be_filled(seat) && (!expected || asked))
		shown_restart(supervisor->segment, seat->number, reason);
	replace(seat, &death);
	supervisor_end_if_empty(generation);
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
