#include <config.h>

#include "master/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "master/stage.h"
#include "master/supervisor.h"
#include "process/signals.h"
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

static int
start(struct child *child, const struct child_ops *ops, struct error *error)
{
	struct supervisor *supervisor = child->supervisor;
	struct inheritance *inheritance = &supervisor->inheritance;
	int channel;

	child->timer = evtimer_new(supervisor->loop->base, ops->late, child);
	if (child->timer == NULL)
		return error_set(error, "cannot make a timer");
	inheritance->slot = child->slot;
	inheritance->number = child->seat->number;
	child->pid = spawn(supervisor->role, inheritance, &channel, error);
	if (child->pid < 0)
		return -1;
	if (channel_open(&child->channel, channel, supervisor->loop, ops->received, child, error) ==
		0)
		return 0;
	child_kill(child);
	return -1;
}

static void
release(struct child *child)
{
	if (child->timer != NULL)
		event_free(child->timer);
	channel_close(&child->channel);
	drop_slot(child->supervisor, child->slot);
	free(child);
}

static struct child *
make(struct seat *seat, struct error *error)
{
	struct child *child = calloc(1, sizeof(*child));

	if (child == NULL) {
		error_errno(error, "cannot make a child");
		return NULL;
	}
	child->supervisor = seat->supervisor;
	child->seat = seat;
	child->channel.fd = -1;
	child->service = STAGE_NONE;
	child->born_ms = loop_now(seat->supervisor->loop);
	if (claim_slot(seat->supervisor, &child->slot) == 0)
		return child;
	error_set(error, "all %d slots are in use", SEGMENT_SLOTS);
	free(child);
	return NULL;
}

struct child *
child_spawn(struct seat *seat, const struct child_ops *ops, struct error *error)
{
	struct supervisor *supervisor = seat->supervisor;
	struct child *child = make(seat, error);

	if (child == NULL)
		return NULL;
	if (start(child, ops, error) != 0) {
		release(child);
		return NULL;
	}
	loop_start_timer(child->timer, supervisor->inheritance.config->start_timeout_ms);
	TAILQ_INSERT_TAIL(&supervisor->children, child, entry);
	log_debug("worker started", log_int("worker", seat->number),
		log_int("generation", supervisor->inheritance.generation),
		log_int("pid", child->pid));
	return child;
}

void
child_kill(const struct child *child)
{
	if (!child->reaped)
		kill(child->pid, SIGKILL);
}

static void
send_message(const struct child *child, const struct message *message)
{
	if (channel_send(&child->channel, message) == 0 || errno == EPIPE || errno == ECONNRESET)
		return; /* sent, or its end is on the way */
	log_error("worker does not take messages: killing it",
		log_int("worker", child->seat->number), log_int("pid", child->pid),
		log_str("error", strerror(errno)));
	child_kill(child);
}

void
child_send_go(struct child *child)
{
	const struct message message = { .type = MESSAGE_GO };

	send_message(child, &message);
}

void
child_send_drain(struct child *child, bool all)
{
	const struct message message = { .type = MESSAGE_DRAIN, .drain = { .all = all } };

	send_message(child, &message);
}

void
child_is_ready(struct child *child)
{
	child->state = CHILD_RUNNING;
	child->service = STAGE_NONE;
	event_del(child->timer);
}

void
child_forget(struct child *child)
{
	if (child->seat->child == child)
		child->seat->child = NULL;
	TAILQ_REMOVE(&child->supervisor->children, child, entry);
	release(child);
}

unsigned
child_connections(const struct child *child)
{
	const struct inheritance *inheritance = &child->supervisor->inheritance;
	unsigned count = segment_slot_admitted(inheritance->segment, child->slot);

	if (count <= inheritance->config->max_connections)
		return count;
	log_error("the worker's slot in shared memory holds nonsense",
		log_int("worker", child->seat->number), log_int("pid", child->pid),
		log_uint("connections", count));
	return 0;
}

void
child_log_end(const struct child *child, int status, bool expected)
{
	const struct inheritance *inheritance = &child->supervisor->inheritance;
	int64_t lived_ms = loop_now(child->supervisor->loop) - child->born_ms;
	char how[64];

	if (expected) {
		log_info("worker ended", log_int("worker", child->seat->number),
			log_int("generation", inheritance->generation), log_int("pid", child->pid),
			log_int("uptime_ms", lived_ms));
		return;
	}
	signals_describe(status, how, sizeof(how));
	log_error("worker died", log_int("worker", child->seat->number),
		log_int("generation", inheritance->generation), log_int("pid", child->pid),
		log_str("how", how), log_int("uptime_ms", lived_ms),
		log_int("connections", child_connections(child)));
}
