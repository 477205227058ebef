#include <config.h>

#include "master/supervisor.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/log.h"
#include "master/stage.h"
#include "process/signals.h"

static bool
all_seats_ready(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->seat_count; i++) {
		const struct child *child = supervisor->seats[i].child;

		if (child == NULL || child->state != CHILD_RUNNING)
			return false;
	}
	return true;
}

/* The first children accept together, later ones as soon as they can. */
static void
child_ready(struct child *child)
{
	struct supervisor *supervisor = child->supervisor;
	struct child *each;

	if (child->state != CHILD_STARTING)
		return;
	child_is_ready(child);
	if (supervisor->started) {
		child_send_go(child);
		return;
	}
	if (!all_seats_ready(supervisor))
		return;
	supervisor->started = true;
	TAILQ_FOREACH (each, &supervisor->children, entry)
		child_send_go(each);
	supervisor->ops->all_ready(supervisor->arg);
}

/* Before the first start is complete, one that cannot start ends it. */
static void
child_failed(const struct child *child, int exit_status, const char *reason)
{
	struct supervisor *supervisor = child->supervisor;

	if (!supervisor->started)
		supervisor->ops->start_failed(supervisor->arg, exit_status, reason);
	else
		log_error("worker cannot start", log_int("worker", child->seat->number),
			log_int("generation", supervisor->inheritance.generation),
			log_int("pid", child->pid), log_str("reason", reason));
}

static void
on_late(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct child *child = arg;
	struct error error;

	error_set(&error, "the worker was not ready within start_timeout");
	stage_error(child->supervisor->inheritance.config, child->service, &error);
	child_failed(child, EX_CONFIG, error.text);
	child_kill(child);
}

static void fill(struct seat *seat);

/* While everything ends, its DRAIN is on the way already. */
static void
child_retires(struct child *child)
{
	struct seat *seat = child->seat;

	if (child->supervisor->stopping || seat->child != child)
		return;
	child->state = CHILD_RETIRED;
	seat->child = NULL;
	log_info("worker drains by itself, replacing it", log_int("worker", seat->number),
		log_int("generation", child->supervisor->inheritance.generation),
		log_int("pid", child->pid));
	child_send_drain(child, false);
	fill(seat);
}

static void
on_message(void *arg, const struct message *message)
{
	struct child *child = arg;

	if (message == NULL)
		return; /* waitpid will say more */
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
		child_failed(child, message->failed.exit_status, message->failed.reason);
		break;
	case MESSAGE_RETIRE:
		child_retires(child);
		break;
	case MESSAGE_DRAINED:
		child->drained = true;
		child->supervisor->closed += message->drained.closed;
		child->supervisor->cut += message->drained.cut;
		break;
	case MESSAGE_GO:
	case MESSAGE_DRAIN:
		break;
	}
}

static const struct child_ops child_ops = {
	.received = on_message,
	.late = on_late,
};

static void
fill_later(struct seat *seat, const struct respawn_death *death)
{
	int64_t delay_ms = respawn_delay_ms(&seat->respawn, death);

	if (delay_ms == 0) {
		fill(seat);
		return;
	}
	log_warn("worker will be replaced", log_int("worker", seat->number),
		log_int("generation", seat->supervisor->inheritance.generation),
		log_int("delay_ms", delay_ms), log_int("deaths_in_a_row", seat->respawn.deaths));
	loop_start_timer(seat->timer, delay_ms);
}

static void
fill(struct seat *seat)
{
	const struct respawn_death failed_to_fork = { 0 };
	struct error error;

	seat->child = child_spawn(seat, &child_ops, &error);
	if (seat->child != NULL)
		return;
	log_error("cannot start a worker", log_int("worker", seat->number),
		log_int("generation", seat->supervisor->inheritance.generation),
		log_str("reason", error.text));
	fill_later(seat, &failed_to_fork);
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

static void
died_at_start(const struct child *child, int status)
{
	struct supervisor *supervisor = child->supervisor;
	struct error error;
	char how[64];

	signals_describe(status, how, sizeof(how));
	error_set(&error, "a worker died while it started: %s", how);
	stage_error(supervisor->inheritance.config, child->service, &error);
	supervisor->ops->start_failed(supervisor->arg, EX_CONFIG, error.text);
}

static void
replace(struct seat *seat, const struct respawn_death *death)
{
	struct supervisor *supervisor = seat->supervisor;

	if (supervisor->stopping || seat->child != NULL ||
		event_pending(seat->timer, EV_TIMEOUT, NULL))
		return;
	fill_later(seat, death);
}

static bool
ended_in_order(const struct child *child, int status)
{
	return child->drained && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void
supervisor_reaped(struct supervisor *supervisor, pid_t pid, int status)
{
	struct child *child = find(supervisor, pid);
	struct respawn_death death;
	struct seat *seat;

	if (child == NULL) {
		log_debug("unknown process ended", log_int("pid", pid));
		return;
	}
	child->reaped = true;
	channel_drain(&child->channel);
	seat = child->seat;
	death = (struct respawn_death){
		.lived_ms = loop_now(supervisor->loop) - child->born_ms,
		.ready = child->state != CHILD_STARTING,
	};
	if (supervisor->stopping && !child->drained)
		supervisor->cut += child_connections(child);
	child_log_end(child, status, supervisor->killing || ended_in_order(child, status));
	if (!supervisor->started && !supervisor->stopping && !death.ready)
		died_at_start(child, status);
	child_forget(child);
	replace(seat, &death);
	if (TAILQ_EMPTY(&supervisor->children) && supervisor->stopping)
		supervisor->ops->all_gone(supervisor->arg);
}

int
supervisor_open(struct supervisor *supervisor, struct loop *loop, const struct role *role,
	const struct inheritance *inheritance, size_t seats, const struct supervisor_ops *ops,
	void *arg, struct error *error)
{
	*supervisor = (struct supervisor){
		.loop = loop,
		.role = role,
		.inheritance = *inheritance,
		.children = TAILQ_HEAD_INITIALIZER(supervisor->children),
		.seats = calloc(seats, sizeof(supervisor->seats[0])),
		.ops = ops,
		.arg = arg,
	};
	if (supervisor->seats == NULL)
		return error_errno(error, "cannot make the table of workers");
	for (size_t i = 0; i < seats; i++) {
		struct seat *seat = &supervisor->seats[i];

		seat->supervisor = supervisor;
		seat->number = (int)i + 1;
		seat->timer = evtimer_new(loop->base, on_seat_timer, seat);
		supervisor->seat_count++;
		if (seat->timer == NULL)
			return error_set(error, "cannot make a timer");
	}
	return 0;
}

void
supervisor_close(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->seat_count; i++) {
		if (supervisor->seats[i].timer != NULL)
			event_free(supervisor->seats[i].timer);
	}
	free(supervisor->seats);
	supervisor->seats = NULL;
	supervisor->seat_count = 0;
}

int
supervisor_start(struct supervisor *supervisor, struct error *error)
{
	for (size_t i = 0; i < supervisor->seat_count; i++) {
		struct seat *seat = &supervisor->seats[i];

		seat->child = child_spawn(seat, &child_ops, error);
		if (seat->child == NULL)
			return -1;
	}
	return 0;
}

static void
stop_filling(struct supervisor *supervisor)
{
	supervisor->stopping = true;
	for (size_t i = 0; i < supervisor->seat_count; i++)
		event_del(supervisor->seats[i].timer);
}

void
supervisor_kill(struct supervisor *supervisor)
{
	struct child *child;

	stop_filling(supervisor);
	supervisor->killing = true;
	TAILQ_FOREACH (child, &supervisor->children, entry)
		child_kill(child);
	if (TAILQ_EMPTY(&supervisor->children))
		supervisor->ops->all_gone(supervisor->arg);
}

void
supervisor_drain(struct supervisor *supervisor)
{
	struct child *child;

	/* Before the first start is complete there is nothing to drain, and init may hang. */
	if (!supervisor->started) {
		supervisor_kill(supervisor);
		return;
	}
	stop_filling(supervisor);
	TAILQ_FOREACH (child, &supervisor->children, entry)
		child_send_drain(child, true);
	if (TAILQ_EMPTY(&supervisor->children))
		supervisor->ops->all_gone(supervisor->arg);
}
