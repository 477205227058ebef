#include <config.h>

#include "master/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "master/generation.h"
#include "master/heritage.h"
#include "master/lost.h"
#include "master/stage.h"
#include "master/supervisor.h"
#include "process/signals.h"
#include "process/spawn.h"

enum {
	SETTINGS_BURST = 16, /* messages of settings at once; more would fill the channel */
	SLOT_LATE_MS = 750,  /* of one that died while it gave connections away; looked at 4 times a
	                        second */
	DRAIN_GRACE_MS = 1000, /* what a worker may take beyond its timeout before it is killed */
};

static int
claim_slot(struct supervisor *supervisor, unsigned generation, unsigned *slot)
{
	for (unsigned i = 0; i < SEGMENT_SLOTS; i++) {
		if (supervisor->slot_used[i])
			continue;
		supervisor->slot_used[i] = true;
		segment_slot_claim(supervisor->segment, i, generation);
		*slot = i;
		return 0;
	}
	return -1;
}

/* What its slots say does not count: workers write there. */
static void
forget_former(struct supervisor *supervisor)
{
	for (size_t i = 0; i < SEGMENT_FORMER_SLOTS; i++) {
		if (supervisor->slot_used[SEGMENT_SLOTS + i])
			return;
	}
	former_close(&supervisor->segment->former);
}

static void
drop_slot(struct supervisor *supervisor, unsigned slot)
{
	lost_count(supervisor->segment, slot);
	segment_slot_drop(supervisor->segment, slot);
	supervisor->slot_used[slot] = false;
	supervisor->slot_due_ms[slot] = 0;
	if (slot >= SEGMENT_SLOTS)
		forget_former(supervisor);
}

/*
 * Connections that it had sent to others count here until they have counted them there, which they
 * do within a moment.
 */
static bool
was_giving(const struct child *child)
{
	return child->state == CHILD_RETIRED && child->gives && !child->drained;
}

static void
give_slot_back(const struct child *child)
{
	struct supervisor *supervisor = child->supervisor;

	if (was_giving(child) || !lost_is_settled(supervisor->segment, child->slot))
		supervisor->slot_due_ms[child->slot] = loop_now(supervisor->loop) + SLOT_LATE_MS;
	else
		drop_slot(supervisor, child->slot);
}

void
child_adopt_late_slots(struct supervisor *supervisor)
{
	for (unsigned i = 0; segment_has_slot(supervisor->segment, i); i++) {
		if (supervisor->slot_used[i] || segment_slot_is_free(supervisor->segment, i))
			continue;
		supervisor->slot_used[i] = true;
		supervisor->slot_due_ms[i] = loop_now(supervisor->loop) + SLOT_LATE_MS;
	}
	forget_former(supervisor);
}

bool
child_drop_late_slots(struct supervisor *supervisor)
{
	bool dropped = false;

	for (unsigned i = 0; segment_has_slot(supervisor->segment, i); i++) {
		if (supervisor->slot_due_ms[i] > 0 &&
			supervisor->slot_due_ms[i] <= loop_now(supervisor->loop)) {
			drop_slot(supervisor, i);
			dropped = true;
		}
	}
	return dropped;
}

/* The sockets of its number. */
static int
fork_child(struct child *child, int *channel, struct error *error)
{
	const struct generation *generation = child->generation;
	struct inherited_listener listeners[generation->use_count + 1];
	const struct inheritance inheritance = {
		.config = generation->config,
		.identity = &generation->resources.identity,
		.listeners = listeners,
		.listener_count = generation->use_count,
		.modules = generation->resources.modules,
		.service_ids = generation->service_ids,
		.segment = generation->segment,
		.slot = child->slot,
		.number = child->seat->number,
		.generation = generation->number,
		.inbox = generation->inbox[0],
		.traces = child->supervisor->traces[1],
	};

	for (size_t i = 0; i < generation->use_count; i++) {
		const struct listener_use *use = &generation->uses[i];
		const struct listener_socket *socket = generation_socket(use, inheritance.number);

		listeners[i] = (struct inherited_listener){
			.fd = socket->fd,
			.id = socket->id,
			.service = use->service,
			.lent = use->listener->lent,
		};
	}
	child->pid = spawn(child->supervisor->role, &inheritance, channel, error);
	return child->pid < 0 ? -1 : 0;
}

static int
start(struct child *child, const struct child_ops *ops, struct error *error)
{
	struct loop *loop = child->supervisor->loop;
	int channel;

	child->timer = evtimer_new(loop->base, ops->late, child);
	if (child->timer == NULL)
		return error_set(error, "cannot make a timer");
	if (fork_child(child, &channel, error) != 0)
		return -1;
	if (channel_open(&child->channel, channel, loop, ops->received, child, error) == 0)
		return 0;
	child_kill(child, SIGKILL);
	return -1;
}

static void
release(struct child *child)
{
	if (child->timer != NULL)
		event_free(child->timer);
	channel_close(&child->channel);
	give_slot_back(child);
	free(child);
}

static struct child *
make(struct seat *seat, struct error *error)
{
	struct supervisor *supervisor = seat->generation->supervisor;
	struct child *child = calloc(1, sizeof(*child));

	if (child == NULL) {
		error_errno(error, "cannot make a child");
		return NULL;
	}
	child->supervisor = supervisor;
	child->generation = seat->generation;
	child->seat = seat;
	child->channel.fd = -1;
	child->service = STAGE_NONE;
	child->born_ms = loop_now(supervisor->loop);
	if (claim_slot(supervisor, (unsigned)seat->generation->number, &child->slot) == 0)
		return child;
	error_set(error, "all %d slots are in use", SEGMENT_SLOTS);
	free(child);
	return NULL;
}

struct child *
child_spawn(struct seat *seat, const struct child_ops *ops, struct error *error)
{
	struct child *child = make(seat, error);

	if (child == NULL)
		return NULL;
	if (start(child, ops, error) != 0) {
		release(child);
		return NULL;
	}
	loop_start_timer(child->timer, child->generation->config->start_timeout_ms);
	TAILQ_INSERT_TAIL(&child->supervisor->children, child, entry);
	child->generation->children++;
	log_debug("worker started", log_int("worker", seat->number),
		log_int("generation", child->generation->number), log_int("pid", child->pid));
	return child;
}

static void
watch_drain(struct child *child, int64_t timeout_ms)
{
	child->drain_timeout_ms = timeout_ms;
	loop_start_timer(child->timer, timeout_ms + DRAIN_GRACE_MS);
}

static void
take_state(struct child *child, const struct heritage_child *from)
{
	struct supervisor *supervisor = child->supervisor;

	supervisor->slot_used[child->slot] = true;
	child->pid = from->pid;
	child->state = (enum child_state)from->state;
	child->born_ms = from->born_ms;
	child->turns = from->turns != 0;
	child->retires = from->retires != 0;
	child->can_wait = from->can_wait != 0;
	child->gives = from->gives != 0;
	child->drained = from->drained != 0;
	for (size_t i = 0; i < CONFIG_WORKERS_MAX; i++)
		child->adopted[i] = from->adopted[i] != 0;
}

/* As long as if all had begun now. */
static void
restart_timer(struct child *child, int64_t drain_timeout_ms)
{
	switch (child->state) {
	case CHILD_STARTING:
		loop_start_timer(child->timer, child->generation->config->start_timeout_ms);
		break;
	case CHILD_READY:
	case CHILD_RUNNING:
		break;
	case CHILD_RETIRED:
		watch_drain(child, drain_timeout_ms);
		break;
	}
}

struct child *
child_adopt(struct seat *seat, const struct heritage_child *from, const struct child_ops *ops,
	struct error *error)
{
	struct supervisor *supervisor = seat->generation->supervisor;
	struct child *child = calloc(1, sizeof(*child));
	const unsigned slot = from->slot + (from->former != 0 ? SEGMENT_SLOTS : 0);

	if (child == NULL || !segment_has_slot(supervisor->segment, slot) ||
		from->state > CHILD_RETIRED) {
		error_set(error, "cannot take over a worker");
		free(child);
		return NULL;
	}
	child->supervisor = supervisor;
	child->generation = seat->generation;
	child->seat = seat;
	child->slot = slot;
	child->service = STAGE_NONE;
	child->timer = evtimer_new(supervisor->loop->base, ops->late, child);
	take_state(child, from);
	if (child->timer == NULL ||
		channel_adopt(&child->channel, from->channel, supervisor->loop, ops->received,
			child, error) != 0)
		return NULL; /* and the program that was before is executed again */
	restart_timer(child, from->drain_timeout_ms);
	/* It may not have heard of the last inbox; to hear of it twice does no harm. */
	child->misled = child->state == CHILD_RETIRED && child->gives && !child->drained;
	TAILQ_INSERT_TAIL(&supervisor->children, child, entry);
	child->generation->children++;
	return child;
}

struct heritage_child
child_leave(const struct child *child)
{
	const bool former = child->slot >= SEGMENT_SLOTS;
	struct heritage_child left = {
		.pid = child->pid,
		.slot = child->slot - (former ? SEGMENT_SLOTS : 0),
		.former = former,
		.number = child->seat->number,
		.generation = child->generation->number,
		.state = child->state,
		.channel = child->channel.fd,
		.born_ms = child->born_ms,
		.drain_timeout_ms = child->drain_timeout_ms,
		.turns = child->turns,
		.retires = child->retires,
		.can_wait = child->can_wait,
		.gives = child->gives,
		.drained = child->drained,
	};

	for (size_t i = 0; i < CONFIG_WORKERS_MAX; i++)
		left.adopted[i] = child->adopted[i];
	return left;
}

void
child_kill(const struct child *child, int signal)
{
	if (!child->reaped)
		kill(child->pid, signal);
}

/* One that is gone cannot be told, and needs not. Returns 0, or -1. */
static int
tell(const struct child *child, const struct message *message, int passed)
{
	if (channel_send_passing(&child->channel, message, passed) == 0 || errno == EPIPE ||
		errno == ECONNRESET)
		return 0;
	return -1;
}

static void
must_tell(const struct child *child, const struct message *message, int passed)
{
	if (tell(child, message, passed) == 0)
		return;
	log_error("worker does not take messages: killing it",
		log_int("worker", child->seat->number),
		log_int("generation", child->generation->number), log_int("pid", child->pid),
		log_str("error", strerror(errno)));
	child_kill(child, SIGKILL);
}

void
child_is_ready(struct child *child)
{
	child->state = CHILD_READY;
	child->service = STAGE_NONE;
	event_del(child->timer);
}

void
child_go(struct child *child)
{
	const struct message message = { .type = MESSAGE_GO };

	child->state = CHILD_RUNNING;
	child->turns = true;
	must_tell(child, &message, -1);
}

void
child_retire(struct child *child, bool all, int inbox, int64_t timeout_ms)
{
	const struct message message = {
		.type = MESSAGE_DRAIN,
		.drain = { .all = all, .passed = inbox >= 0, .timeout_ms = timeout_ms },
	};

	child->state = CHILD_RETIRED;
	child->gives = inbox >= 0;
	seat_leave(child->seat, child);
	watch_drain(child, timeout_ms);
	must_tell(child, &message, inbox);
}

void
child_send_inbox(struct child *child, int inbox)
{
	const struct message message = {
		.type = MESSAGE_INBOX,
		.inbox = { .passed = inbox >= 0 },
	};

	child->misled = tell(child, &message, inbox) != 0;
}

static int
send_settings(const struct child *child, const struct config *config)
{
	const bool passed = log_fd() != STDERR_FILENO;
	const struct message message = {
		.type = MESSAGE_SETTINGS,
		.settings = {
			.passed = passed,
			.kind = log_kind(),
			.format = config->log_format,
			.level = config->log_level,
			.requests = config->log_requests,
			.drain_timeout_ms = config->drain_timeout_ms,
			.slow_ms = config->log_slow_ms,
			.sample = config->traces_sample,
			.traces = config->traces_endpoint[0] != '\0',
		},
	};

	return tell(child, &message, passed ? log_fd() : -1);
}

static void
settle(struct child *child, const struct config *config)
{
	if (!child->unsettled || child->burst == SETTINGS_BURST)
		return;
	child->burst++;
	child->unsettled = send_settings(child, config) != 0;
}

void
child_send_settings(struct child *child, const struct config *config)
{
	child->unsettled = true;
	if (child->state == CHILD_RETIRED && child->drain_timeout_ms != config->drain_timeout_ms)
		watch_drain(child, config->drain_timeout_ms);
	settle(child, config);
}

void
child_settle(struct child *child, const struct config *config, int inbox)
{
	if (child->misled)
		child_send_inbox(child, inbox);
	if (child->burst > 0)
		child->burst--;
	settle(child, config);
}

int
child_send_accept(struct child *child, const struct listener_use *use, int number)
{
	const struct listener_socket *socket = generation_socket(use, number);
	const struct message message = {
		.type = MESSAGE_ACCEPT,
		.listener = { .socket = socket->id, .service = (uint32_t)use->service },
	};

	return tell(child, &message, socket->fd);
}

int
child_send_release(struct child *child, const struct listener_use *use, int number, bool last)
{
	const struct message message = {
		.type = MESSAGE_RELEASE,
		.listener = { .socket = generation_socket(use, number)->id, .last = last },
	};

	return tell(child, &message, -1);
}

int
child_send_give(struct child *child, int inbox, uint32_t count, int64_t limit_ms)
{
	const struct message message = {
		.type = MESSAGE_GIVE,
		.give = { .count = count, .timeout_ms = limit_ms },
	};
	const int result = channel_send_passing(&child->channel, &message, inbox);

	child->sharing = child->sharing || result == 0;
	return result;
}

int
child_send_take(const struct child *child, int inbox)
{
	const struct message message = { .type = MESSAGE_TAKE };

	return channel_send_passing(&child->channel, &message, inbox);
}

int
child_send_list(const struct child *child, int socket, uint64_t kill)
{
	const struct message message = { .type = MESSAGE_LIST, .list = { .kill = kill } };

	return channel_send_passing(&child->channel, &message, socket);
}

void
child_forget(struct child *child)
{
	seat_leave(child->seat, child);
	child->generation->children--;
	TAILQ_REMOVE(&child->supervisor->children, child, entry);
	release(child);
}

unsigned
child_connections(const struct child *child)
{
	unsigned count = segment_slot_admitted(child->supervisor->segment, child->slot);

	if (count <= CONFIG_CONNECTIONS_MAX)
		return count;
	log_error("the worker's slot in shared memory holds nonsense",
		log_int("worker", child->seat->number),
		log_int("generation", child->generation->number), log_int("pid", child->pid),
		log_uint("connections", count));
	return 0;
}

void
child_log_end(const struct child *child, int status, bool expected)
{
	int64_t lived_ms = loop_now(child->supervisor->loop) - child->born_ms;
	char how[64];

	if (expected) {
		log_info("worker ended", log_int("worker", child->seat->number),
			log_int("generation", child->generation->number),
			log_int("pid", child->pid), log_int("uptime_ms", lived_ms));
		return;
	}
	signals_describe(status, how, sizeof(how));
	log_error("worker died", log_int("worker", child->seat->number),
		log_int("generation", child->generation->number), log_int("pid", child->pid),
		log_str("how", how), log_int("uptime_ms", lived_ms),
		log_int("connections", child_connections(child)));
}
