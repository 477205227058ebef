#include <config.h>

#include "worker/handover.h"

#include <errno.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "net/move.h"
#include "worker/drain.h"
#include "worker/session_record.h"
#include "worker/worker.h"

enum {
	REST_MS = 1,     /* between two conversations, for the clients of both sides */
	RETRY_MS = 5,    /* when nobody could take */
	ALONE_MS = 1000, /* for the master to say who takes now */
	BROKEN_MAX = 3,  /* conversations in a row; then nobody is asked any more */
};

static struct session *
find(const struct worker *worker, uint64_t id)
{
	return movable_find(&worker->handover.movable, id);
}

/* It goes on here, and drains, if the worker does. */
static void
stay(struct worker *worker, struct session *session, enum refusal_to_take why)
{
	struct connection *connection = &session->connection;

	move_undo(connection);
	if (connection->state != CONNECTION_OPEN || worker->handover.sharing)
		return;
	worker->handover.stayed[why]++;
	drain_one(worker, connection);
}

/* Without memory for its id it drains. */
void
handover_add(struct worker *worker, struct session *session)
{
	if (movable_add(&worker->handover.movable, session) != 0)
		stay(worker, session, TAKE_NO_MEMORY);
}

static void
add_connection(struct connection *connection, void *arg)
{
	struct session *session = container_of(connection, struct session, connection);

	if (connection->state != CONNECTION_OPEN)
		return;
	if (session_can_move(session))
		handover_add(arg, session);
	else
		stay(arg, session, TAKE_MODULE_KEEPS);
}

bool
handover_is_on(const struct worker *worker)
{
	return worker->handover.inbox >= 0;
}

static void
put_back(struct worker *worker, struct session *session)
{
	move_undo(&session->connection);
	if (session->connection.state == CONNECTION_OPEN)
		handover_add(worker, session);
}

/*
 * Answers come in order: the first connection without one may be what its taker has died of. It has
 * another try, for takers die of other things, and then is not for a third worker to die of. That
 * is next, and before all others: whatever a taker has taken dies with it.
 */
static void
suspect(struct worker *worker, struct session *session)
{
	const bool before = session->suspect;

	session->suspect = true;
	if (before) {
		stay(worker, session, TAKE_FATAL);
		return;
	}
	move_undo(&session->connection);
	if (session->connection.state == CONNECTION_OPEN &&
		movable_add_next(&worker->handover.movable, session) != 0)
		stay(worker, session, TAKE_NO_MEMORY);
}

/* Whoever was sent and has no answer is here still. Returns whether there was one. */
static bool
take_back(struct worker *worker)
{
	struct handover *handover = &worker->handover;
	bool broken = false;

	for (unsigned i = 0; i < handover->sent_count; i++) {
		struct session *session = find(worker, handover->sent[i]);

		if (session == NULL || session->connection.state != CONNECTION_MOVING)
			continue;
		connection_count(&session->connection, COUNTER_RETURNED, 1);
		if (!handover_is_on(worker))
			stay(worker, session, TAKE_NOBODY);
		else if (!broken)
			suspect(worker, session);
		else
			put_back(worker, session);
		broken = true;
	}
	handover->sent_count = 0;
	admission_set_moving(worker->sessions.network->segment, 0);
	return broken;
}

/* Nobody takes any more, for that reason. */
static void
give_up(struct worker *worker, enum refusal_to_take why)
{
	struct handover *handover = &worker->handover;
	struct session *session;

	fd_close(&handover->inbox);
	while ((session = movable_pop(&handover->movable)) != NULL)
		stay(worker, session, why);
}

static void
end_conversation(struct worker *worker)
{
	struct handover *handover = &worker->handover;

	event_del(handover->event);
	fd_close(&handover->conversation);
	loop_start_timer(handover->timer, handover->sent_count > 0 ? REST_MS : RETRY_MS);
	handover->credits = 0;
	if (take_back(worker) && ++handover->broken == BROKEN_MAX)
		give_up(worker, TAKE_DIED);
}

static void
answered(struct worker *worker, const struct answer *answer)
{
	struct handover *handover = &worker->handover;
	struct session *session = find(worker, answer->id);
	const bool moving = session != NULL && session->connection.state == CONNECTION_MOVING;

	switch ((enum answer_kind)answer->kind) {
	case ANSWER_GRANT:
		handover->credits = MIN(answer->value, CONVERSATION_CREDITS);
		break;
	case ANSWER_MOVED:
		if (!moving)
			break;
		handover->moved++;
		handover->broken = 0;
		move_end(&session->connection);
		break;
	case ANSWER_REFUSED:
		if (!moving)
			break;
		connection_count(&session->connection, COUNTER_RETURNED, 1);
		stay(worker, session, answer->value < TAKE__COUNT ? answer->value : TAKE_REFUSED);
		break;
	}
}

static void
on_answer(int fd, short what PF_UNUSED, void *arg)
{
	struct worker *worker = arg;
	struct answer answer;
	int got;

	while ((got = conversation_next_answer(fd, &answer)) == 1)
		answered(worker, &answer);
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		end_conversation(worker);
}

/* What has been answered is done as it says. */
void
handover_leave(struct worker *worker)
{
	struct handover *handover = &worker->handover;

	if (handover->conversation >= 0)
		on_answer(handover->conversation, 0, worker);
	if (handover->conversation < 0)
		return;
	for (unsigned i = 0; i < handover->sent_count; i++) {
		struct session *session = find(worker, handover->sent[i]);

		if (session == NULL || session->connection.state != CONNECTION_MOVING)
			continue;
		handover->moved++;
		move_end(&session->connection);
	}
	end_conversation(worker);
}

static void
on_retry(int fd PF_UNUSED, short what PF_UNUSED, void *arg PF_UNUSED)
{
	/* the turn that this is goes on: handover_turn */
}

/* Those who took may have been replaced, which the master is about to say. */
static bool
is_alone_for_long(struct worker *worker)
{
	struct handover *handover = &worker->handover;
	const int64_t now_ms = loop_now(&worker->loop);

	if (handover->alone_ms == 0)
		handover->alone_ms = now_ms;
	return now_ms - handover->alone_ms >= ALONE_MS;
}

static bool
is_gone(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ECONNREFUSED;
}

/* What is wrong here, or with those who take. */
static enum refusal_to_take
hindrance(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
		return TAKE_NO_DESCRIPTOR;
	case ENOMEM:
		return TAKE_NO_MEMORY;
	default:
		return TAKE_NOBODY;
	}
}

static int
watch(struct worker *worker)
{
	struct handover *handover = &worker->handover;

	event_assign(handover->event, worker->loop.base, handover->conversation,
		EV_READ | EV_PERSIST, on_answer, worker);
	return event_add(handover->event, NULL);
}

static void
begin_conversation(struct worker *worker)
{
	struct handover *handover = &worker->handover;

	handover->conversation = conversation_offer(handover->inbox);
	handover->hindrance = handover->conversation < 0 ? hindrance(errno) : TAKE_NOBODY;
	if (handover->conversation >= 0 && watch(worker) == 0) {
		handover->alone_ms = 0;
		return;
	}
	if (handover->conversation < 0 && is_gone(errno) && is_alone_for_long(worker))
		give_up(worker, TAKE_NOBODY);
	else
		loop_start_timer(handover->timer, RETRY_MS);
	fd_close(&handover->conversation);
}

/* Returns whether another one may follow. */
static bool
give(struct worker *worker, struct session *session)
{
	struct handover *handover = &worker->handover;
	const enum refusal_to_take refusal = session_save(session, &handover->record);

	if (refusal != TAKE_NONE) {
		stay(worker, session, refusal);
		return true;
	}
	/* The taker may count it before this goes on. */
	connection_count(&session->connection, COUNTER_LEFT, 1);
	admission_set_moving(worker->sessions.network->segment, handover->sent_count + 1);
	if (conversation_send(handover->conversation, &handover->record, session->public.id,
		    session->connection.fd) == 0) {
		handover->sent[handover->sent_count++] = session->public.id;
		return true;
	}
	connection_count(&session->connection, COUNTER_RETURNED, 1);
	admission_set_moving(worker->sessions.network->segment, handover->sent_count);
	if (hindrance(errno) == TAKE_NOBODY) {
		put_back(worker, session);
		return false;
	}
	stay(worker, session, hindrance(errno));
	return true;
}

/* How many may go still. */
static size_t
left(const struct handover *handover)
{
	return handover->sharing ? handover->share - MIN(handover->moved, handover->share)
				 : SIZE_MAX;
}

/*
 * What threads have sent to these connections until they could not be found any more is taken
 * between the two steps.
 */
static void
give_some(struct worker *worker)
{
	struct handover *handover = &worker->handover;
	uint64_t chosen[CONVERSATION_CREDITS];
	const unsigned count = movable_choose(
		&handover->movable, chosen, (unsigned)MIN(handover->credits, left(handover)));
	bool more = true;

	handover->credits = 0;
	for (unsigned i = 0; i < count; i++)
		move_prepare(&find(worker, chosen[i])->connection);
	sessions_turn(&worker->sessions);
	for (unsigned i = 0; i < count; i++) {
		struct session *session = find(worker, chosen[i]);

		if (session == NULL || session->connection.state != CONNECTION_OPEN)
			continue;
		if (more && movable_is_ready(session))
			more = give(worker, session);
		else
			put_back(worker, session);
	}
	shutdown(handover->conversation, SHUT_WR);
}

/* A conversation for nothing would only cost others time. Of many that wait, some are looked at. */
static void
look_for_one(struct worker *worker)
{
	struct handover *handover = &worker->handover;

	if (movable_seek(&handover->movable) != NULL)
		begin_conversation(worker);
	else if (movable_is_long(&handover->movable))
		loop_start_timer(handover->timer, REST_MS);
}

void
handover_begin(struct worker *worker, int inbox)
{
	worker->handover.inbox = inbox;
	worker->handover.alone_ms = 0;
	worker->handover.broken = 0;
	connections_visit(&worker->sessions.network->connections, add_connection, worker);
}

/* One to which something has been sent is with somebody who takes. */
static void
end_idle_conversation(struct worker *worker)
{
	const struct handover *handover = &worker->handover;

	if (handover->conversation >= 0 && handover->sent_count == 0)
		end_conversation(worker);
}

static void
say_given(const struct worker *worker, size_t count)
{
	const struct message message = {
		.type = MESSAGE_GIVEN,
		.given = { .moved = (uint32_t)count },
	};

	if (channel_send(&worker->channel, &message) != 0)
		log_debug("the master does not hear of what was given");
}

void
handover_end_share(struct worker *worker)
{
	struct handover *handover = &worker->handover;

	if (!handover->sharing)
		return;
	give_up(worker, TAKE_NOBODY);
	event_del(handover->limit);
	handover->sharing = false;
	say_given(worker, handover->moved);
	handover->moved = 0;
	takeover_start(worker);
}

/* Between two conversations: it ends when so many are gone, or there is nobody else. */
static void
look_at_share(struct worker *worker)
{
	const struct handover *handover = &worker->handover;

	if (handover->conversation < 0 &&
		(left(handover) == 0 || handover->movable.count == 0 || !handover_is_on(worker)))
		handover_end_share(worker);
}

/* What is on its way is with somebody who will answer, or is the watchdog's to end. */
static void
on_limit(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct worker *worker = arg;

	end_idle_conversation(worker);
	give_up(worker, TAKE_NOBODY);
}

void
handover_share(struct worker *worker, int inbox, size_t count, int64_t timeout_ms)
{
	struct handover *handover = &worker->handover;

	if (worker->state != WORKER_ACCEPTING || handover->sharing || inbox < 0) {
		fd_close(&inbox);
		say_given(worker, 0);
		return;
	}
	takeover_rest(worker);
	handover->sharing = true;
	handover->share = count;
	loop_start_timer(handover->limit, timeout_ms);
	handover_begin(worker, inbox);
}

void
handover_turn(struct worker *worker)
{
	struct handover *handover = &worker->handover;

	if (handover->sharing)
		look_at_share(worker);
	if (!handover_is_on(worker))
		return;
	if (handover->conversation >= 0 && handover->credits > 0)
		give_some(worker);
	else if (handover->conversation < 0 && !evtimer_pending(handover->timer, NULL))
		look_for_one(worker);
}

void
handover_turn_to(struct worker *worker, int inbox)
{
	struct handover *handover = &worker->handover;

	if (!handover_is_on(worker)) {
		fd_close(&inbox);
		return;
	}
	fd_close(&handover->inbox);
	handover->inbox = inbox;
	handover->alone_ms = 0;
	end_idle_conversation(worker);
}

void
handover_stop(struct worker *worker, enum refusal_to_take why)
{
	if (!handover_is_on(worker))
		return;
	end_idle_conversation(worker);
	give_up(worker, why);
}

int
handover_open(struct worker *worker, struct error *error)
{
	struct handover *handover = &worker->handover;

	*handover = (struct handover){
		.inbox = -1,
		.hindrance = TAKE_NOBODY,
		.movable = { .connections = &worker->sessions.network->connections },
		.conversation = -1,
	};
	handover->event = event_new(worker->loop.base, -1, 0, on_answer, worker);
	handover->timer = evtimer_new(worker->loop.base, on_retry, worker);
	handover->limit = evtimer_new(worker->loop.base, on_limit, worker);
	if (handover->event == NULL || handover->timer == NULL || handover->limit == NULL)
		return error_set(error, "cannot make a timer");
	return 0;
}

void
handover_close(struct worker *worker)
{
	struct handover *handover = &worker->handover;

	if (handover->event != NULL)
		event_free(handover->event);
	if (handover->timer != NULL)
		event_free(handover->timer);
	if (handover->limit != NULL)
		event_free(handover->limit);
	handover->event = handover->timer = handover->limit = NULL;
	fd_close(&handover->conversation);
	fd_close(&handover->inbox);
	movable_free(&handover->movable);
	record_free(&handover->record);
}

void
handover_report(const struct worker *worker)
{
	for (int why = 0; why < TAKE__COUNT; why++) {
		if (worker->handover.stayed[why] > 0)
			log_info("connections could not move",
				log_str("reason", conversation_reason((enum refusal_to_take)why)),
				log_uint("connections", worker->handover.stayed[why]));
	}
}
