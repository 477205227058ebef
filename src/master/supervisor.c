#include <config.h>

#include "master/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "master/reap.h"
#include "master/stage.h"
#include "process/spawn.h"

static int
claim_slot(struct supervisor *supervisor, unsigned *slot)
{
	for (unsigned i = 0; i < SEGMENT_SLOTS; i++) {
		if (supervisor->slot_used[i])
			continue;
		supervisor->slot_used[i] = true;
		segment_slot_claim(supervisor->inheritance.segment, i,
			(unsigned)supervisor->inheritance.generation);
		*slot = i;
		return 0;
	}
	return -1;
}

static void
drop_slot(struct supervisor *supervisor, unsigned slot)
{
	segment_slot_drop(supervisor->inheritance.segment, slot);
	supervisor->slot_used[slot] = false;
}

static void
forget(struct child *child)
{
	struct supervisor *supervisor = child->supervisor;

	channel_close(&child->channel);
	drop_slot(supervisor, child->slot);
	if (child->seat->child == child)
		child->seat->child = NULL;
	TAILQ_REMOVE(&supervisor->children, child, entry);
	free(child);
}

static void
kill_child(const struct child *child)
{
	if (!child->reaped)
		kill(child->pid, SIGKILL);
}

static void
send_or_kill(struct child *child, enum message_type type)
{
	struct message message = { .type = (uint16_t)type };

	if (channel_send(&child->channel, &message) == 0 || errno == EPIPE || errno == ECONNRESET)
		return; /* sent, or its end is on the way */
	log_error("worker does not take messages: killing it", log_int("pid", child->pid),
		log_str("error", strerror(errno)));
	kill_child(child);
}

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
	child->state = CHILD_RUNNING;
	child->was_ready = true;
	child->service = STAGE_NONE;
	if (supervisor->started) {
		send_or_kill(child, MESSAGE_GO);
		return;
	}
	if (!all_seats_ready(supervisor))
		return;
	supervisor->started = true;
	TAILQ_FOREACH (each, &supervisor->children, entry)
		send_or_kill(each, MESSAGE_GO);
	supervisor->ops->all_ready(supervisor->arg);
}

static void
child_failed(const struct child *child, const char *reason)
{
	struct supervisor *supervisor = child->supervisor;

	if (!supervisor->started)
		supervisor->ops->start_failed(supervisor->arg, reason);
	else
		log_error("worker cannot start", log_int("number", child->seat->number),
			log_int("pid", child->pid), log_str("reason", reason));
}

static void fill(struct seat *seat);

static void
child_draining(struct child *child)
{
	struct seat *seat = child->seat;

	if (child->state == CHILD_RETIRED)
		return;
	child->state = CHILD_RETIRED;
	if (seat->child != child)
		return;
	seat->child = NULL;
	if (child->supervisor->stopping)
		return;
	log_info("worker drains by itself, replacing it", log_int("number", seat->number),
		log_int("pid", child->pid));
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
		child_failed(child, message->reason);
		break;
	case MESSAGE_DRAINING:
		child_draining(child);
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

static int
start_child(struct seat *seat, struct child *child, struct error *error)
{
	struct supervisor *supervisor = seat->supervisor;
	struct inheritance *inheritance = &supervisor->inheritance;
	int channel;

	if (claim_slot(supervisor, &child->slot) != 0)
		return error_set(error, "all %d slots are in use", SEGMENT_SLOTS);
	inheritance->slot = child->slot;
	inheritance->number = seat->number;
	child->pid = spawn(supervisor->role, inheritance, &channel, error);
	if (child->pid >= 0) {
		if (channel_open(&child->channel, channel, supervisor->loop, on_message, child,
			    error) == 0)
			return 0;
		kill(child->pid, SIGKILL);
	}
	drop_slot(supervisor, child->slot);
	return -1;
}

static int
spawn_child(struct seat *seat, struct error *error)
{
	struct supervisor *supervisor = seat->supervisor;
	struct child *child = calloc(1, sizeof(*child));

	if (child == NULL)
		return error_errno(error, "cannot make a child");
	child->supervisor = supervisor;
	child->seat = seat;
	child->service = STAGE_NONE;
	child->born_ms = loop_now(supervisor->loop);
	if (start_child(seat, child, error) != 0) {
		free(child);
		return -1;
	}
	seat->child = child;
	TAILQ_INSERT_TAIL(&supervisor->children, child, entry);
	log_debug("worker started", log_int("number", seat->number), log_int("pid", child->pid));
	return 0;
}

static void
fill_later(struct seat *seat, const struct respawn_death *death)
{
	int64_t delay_ms = respawn_delay_ms(&seat->respawn, death);

	if (delay_ms == 0) {
		fill(seat);
		return;
	}
	log_warn("worker will be replaced", log_int("number", seat->number),
		log_int("delay_ms", delay_ms), log_int("deaths_in_a_row", seat->respawn.deaths));
	loop_start_timer(seat->timer, delay_ms);
}

static void
fill(struct seat *seat)
{
	const struct respawn_death failed_to_fork = { 0 };
	struct error error;

	if (spawn_child(seat, &error) == 0)
		return;
	log_error("cannot start a worker", log_int("number", seat->number),
		log_str("reason", error.text));
	fill_later(seat, &failed_to_fork);
}

static void
on_seat_timer(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	fill(arg);
}

static void
log_death(const struct child *child, int status, bool expected, unsigned held)
{
	int64_t lived_ms = loop_now(child->supervisor->loop) - child->born_ms;
	char how[64];

	reap_describe(status, how, sizeof(how));
	if (expected)
		log_info("worker ended", log_int("number", child->seat->number),
			log_int("pid", child->pid), log_int("uptime_ms", lived_ms));
	else
		log_error("worker died", log_int("number", child->seat->number),
			log_int("pid", child->pid), log_str("how", how),
			log_int("uptime_ms", lived_ms), log_int("connections", held));
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

/* Before the first start is complete, a death ends it. */
static void
died_at_start(struct supervisor *supervisor, uint32_t service, int status)
{
	struct error error;
	char how[64];

	reap_describe(status, how, sizeof(how));
	error_set(&error, "a worker died while it started: %s", how);
	stage_error(supervisor->inheritance.config, service, &error);
	supervisor->ops->start_failed(supervisor->arg, error.text);
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

void
supervisor_reaped(struct supervisor *supervisor, pid_t pid, int status)
{
	struct child *child = find(supervisor, pid);
	struct respawn_death death;
	struct seat *seat;
	unsigned held;

	if (child == NULL) {
		log_debug("unknown process ended", log_int("pid", pid));
		return;
	}
	child->reaped = true;
	channel_drain(&child->channel);
	seat = child->seat;
	held = segment_slot_admitted(supervisor->inheritance.segment, child->slot);
	death = (struct respawn_death){
		.lived_ms = loop_now(supervisor->loop) - child->born_ms,
		.ready = child->was_ready,
		.expected = child->drained && WIFEXITED(status) && WEXITSTATUS(status) == 0,
	};
	if (supervisor->stopping && !child->drained)
		supervisor->cut += held;
	log_death(child, status, death.expected || supervisor->killing, held);
	if (!supervisor->started && !supervisor->stopping && !death.ready)
		died_at_start(supervisor, child->service, status);
	forget(child);
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
supervisor_stage_error(const struct supervisor *supervisor, struct error *error)
{
	const struct child *child;

	TAILQ_FOREACH (child, &supervisor->children, entry) {
		if (child->service != STAGE_NONE)
			return stage_error(supervisor->inheritance.config, child->service, error);
	}
	return -1;
}

int
supervisor_start(struct supervisor *supervisor, struct error *error)
{
	for (size_t i = 0; i < supervisor->seat_count; i++) {
		if (spawn_child(&supervisor->seats[i], error) != 0)
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
supervisor_drain(struct supervisor *supervisor)
{
	struct child *child;

	stop_filling(supervisor);
	TAILQ_FOREACH (child, &supervisor->children, entry)
		send_or_kill(child, MESSAGE_DRAIN);
	if (TAILQ_EMPTY(&supervisor->children))
		supervisor->ops->all_gone(supervisor->arg);
}

void
supervisor_kill(struct supervisor *supervisor)
{
	struct child *child;

	stop_filling(supervisor);
	supervisor->killing = true;
	TAILQ_FOREACH (child, &supervisor->children, entry)
		kill_child(child);
	if (TAILQ_EMPTY(&supervisor->children))
		supervisor->ops->all_gone(supervisor->arg);
}
