#include <config.h>

#include "worker/takeover.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/param.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "net/move.h"
#include "segment/admission.h"
#include "worker/conversation.h"
#include "worker/drain.h"
#include "worker/handover.h"
#include "worker/session_record.h"
#include "worker/worker.h"

enum {
	TAKE_AT_ONCE = 8, /* connections of a conversation in a turn: own clients wait no longer */
	YIELD_MS = 1,
	YIELDS_MAX = 5, /* in a row */
};

struct incoming {
	LIST_ENTRY(incoming) entry;
	struct worker *worker;
	int conversation;
	struct event *event;
};

static void
end(struct incoming *incoming)
{
	LIST_REMOVE(incoming, entry);
	if (incoming->event != NULL)
		event_free(incoming->event);
	fd_close(&incoming->conversation);
	free(incoming);
}

/* It may have come while this worker itself has begun to retire. */
static void
arrive(struct worker *worker, struct session *session)
{
	connection_count(&session->connection, COUNTER_ARRIVED, 1);
	move_arrived(&session->connection);
	if (worker->state != WORKER_DRAINING || session->connection.state == CONNECTION_CLOSED)
		return;
	worker->drain_left++;
	if (handover_is_on(worker))
		handover_add(worker, session);
	else
		drain_one(worker, &session->connection);
}

/*
 * Whoever gave it and is gone does not serve it any more. One that could not be told for another
 * reason does.
 */
static bool
may_keep(const struct incoming *incoming, const struct answer *answer)
{
	return conversation_answer(incoming->conversation, answer) == 0 || errno == EPIPE ||
		errno == ECONNRESET;
}

static void
take(const struct incoming *incoming, struct parcel *parcel)
{
	struct worker *worker = incoming->worker;
	struct answer answer = { .kind = ANSWER_MOVED, .id = parcel->head.id };
	struct session *session;

	answer.value = session_restore(&session, worker->sessions.network, worker->services,
		worker->services_started, parcel);
	if (session == NULL)
		answer.kind = ANSWER_REFUSED;
	else
		connection_count(&session->connection, COUNTER_ENTERED, 1);
	if (may_keep(incoming, &answer) && session != NULL)
		arrive(worker, session);
	else if (session != NULL)
		connection_close(&session->connection, CLOSE_UNTOLD);
}

static void
on_parcel(int fd, short what PF_UNUSED, void *arg)
{
	struct incoming *incoming = arg;
	char buffer[PARCEL_INLINE];
	struct parcel parcel;
	int got = 1;

	for (int i = 0; i < TAKE_AT_ONCE && got == 1; i++) {
		got = conversation_receive(fd, &parcel, buffer);
		if (got != 1)
			break;
		take(incoming, &parcel);
		parcel_drop(&parcel);
	}
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		end(incoming);
}

static void
grant(struct worker *worker, int conversation, uint32_t room)
{
	const struct answer answer = {
		.kind = ANSWER_GRANT,
		.value = MAX(MIN(room, CONVERSATION_CREDITS), 1),
	};
	struct incoming *incoming = calloc(1, sizeof(*incoming));

	if (incoming == NULL) {
		close(conversation);
		return;
	}
	*incoming = (struct incoming){ .worker = worker, .conversation = conversation };
	LIST_INSERT_HEAD(&worker->takeover.incoming, incoming, entry);
	incoming->event = event_new(
		worker->loop.base, conversation, EV_READ | EV_PERSIST, on_parcel, incoming);
	if (incoming->event == NULL || event_add(incoming->event, NULL) != 0 ||
		conversation_answer(conversation, &answer) != 0)
		end(incoming);
}

/* Whether others have fewer connections and are to take what waits. */
static bool
yields(struct worker *worker, uint32_t room)
{
	struct takeover *takeover = &worker->takeover;

	if (takeover->yields >= YIELDS_MAX || room > 0)
		return false;
	loop_start_timer(takeover->timer, YIELD_MS);
	if (!evtimer_pending(takeover->timer, NULL))
		return false;
	takeover->yields++;
	event_del(takeover->event);
	return true;
}

static void
on_inbox(int fd, short what PF_UNUSED, void *arg)
{
	struct worker *worker = arg;
	struct takeover *takeover = &worker->takeover;
	const uint32_t room =
		admission_room(worker->sessions.network->segment, loop_now(&worker->loop));
	int conversation;

	if (yields(worker, room))
		return;
	takeover->yields = 0;
	conversation = conversation_accept(fd);
	if (conversation >= 0)
		grant(worker, conversation, room);
	else if (errno == ECONNRESET)
		event_del(takeover->event); /* the master is gone, and nobody gives any more */
}

void
takeover_start(struct worker *worker)
{
	struct takeover *takeover = &worker->takeover;

	if (event_add(takeover->event, NULL) != 0)
		loop_start_timer(takeover->timer, YIELD_MS);
}

void
takeover_rest(struct worker *worker)
{
	event_del(worker->takeover.event);
	event_del(worker->takeover.timer);
}

static void
end_direct(struct takeover *takeover)
{
	if (takeover->direct_event != NULL)
		event_free(takeover->direct_event);
	takeover->direct_event = NULL;
	fd_close(&takeover->direct);
}

static void
on_direct(int fd, short what PF_UNUSED, void *arg)
{
	struct worker *worker = arg;
	const int conversation = conversation_accept(fd);

	if (conversation >= 0)
		grant(worker, conversation, CONVERSATION_CREDITS);
	else if (errno != EAGAIN && errno != EINTR)
		end_direct(&worker->takeover);
}

void
takeover_take_from(struct worker *worker, int inbox)
{
	struct takeover *takeover = &worker->takeover;

	end_direct(takeover);
	takeover->direct = inbox;
	if (inbox < 0)
		return;
	takeover->direct_event =
		event_new(worker->loop.base, inbox, EV_READ | EV_PERSIST, on_direct, worker);
	if (takeover->direct_event == NULL || event_add(takeover->direct_event, NULL) != 0)
		end_direct(takeover);
}

static void
on_yielded(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	takeover_start(arg);
}

int
takeover_open(struct worker *worker, struct error *error)
{
	struct takeover *takeover = &worker->takeover;

	*takeover = (struct takeover){ .inbox = worker->inheritance->inbox, .direct = -1 };
	LIST_INIT(&takeover->incoming);
	takeover->event = event_new(
		worker->loop.base, takeover->inbox, EV_READ | EV_PERSIST, on_inbox, worker);
	takeover->timer = evtimer_new(worker->loop.base, on_yielded, worker);
	if (takeover->event == NULL || takeover->timer == NULL)
		return error_set(error, "cannot watch the inbox");
	return 0;
}

void
takeover_stop(struct worker *worker)
{
	struct takeover *takeover = &worker->takeover;

	if (takeover->event != NULL)
		event_free(takeover->event);
	if (takeover->timer != NULL)
		event_free(takeover->timer);
	takeover->event = takeover->timer = NULL;
	fd_close(&takeover->inbox);
	end_direct(takeover);
}

bool
takeover_is_on(const struct worker *worker)
{
	return !LIST_EMPTY(&worker->takeover.incoming);
}

void
takeover_close(struct worker *worker)
{
	struct incoming *incoming;

	takeover_stop(worker);
	while ((incoming = LIST_FIRST(&worker->takeover.incoming)) != NULL)
		end(incoming);
}
