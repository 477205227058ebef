#include <config.h>

#include "worker/sessions.h"

#include <stdlib.h>
#include <sys/param.h>

#include "net/output.h"
#include "segment/counters.h"
#include "worker/expiry.h"
#include "worker/feeder.h"
#include "worker/pipeline.h"
#include "worker/session.h"

enum {
	LOOK_MIN_MS = 1, /* doubled while nothing is submitted */
	LOOK_MAX_MS = 32,
};

static struct session *
find(struct sessions *sessions, uint64_t id)
{
	struct connection *connection = connections_find(&sessions->network->connections, id);

	return connection != NULL ? container_of(connection, struct session, connection) : NULL;
}

static bool
on_if_open(void *arg, const struct service *service, uint64_t connection,
	void (*then)(void *then_arg), void *then_arg)
{
	struct sessions *sessions = arg;

	return connections_if_open(
		&sessions->network->connections, connection, service->config, then, then_arg);
}

/* A session lives at least as long as a job of it is with the pool. */
static void
on_returned(void *arg, struct job *job, bool over)
{
	struct sessions *sessions = arg;
	struct session *session = find(sessions, job->connection);

	pipeline_collect(session, job, over);
	session_advance(session);
}

static void
on_stalled(void *arg, struct job *job)
{
	struct session *session = find(arg, job->connection);

	if (service_is_concurrent(session_service(session)))
		pipeline_take_back(session->pipeline, job);
	pipeline_collect(session, job, false);
	session_advance(session);
}

static void
on_answered(void *arg, struct request *request)
{
	struct sessions *sessions = arg;
	struct session *session;

	if (request->job != NULL)
		return; /* it was faster than its job, which brings it back */
	kept_remove(&sessions->dispatch.kept, request);
	if (request->detached) {
		dispatch_free_request(&sessions->dispatch, request);
		return;
	}
	session = find(sessions, request->connection);
	pipeline_answered(session, request);
	session_advance(session);
}

/* Nothing holds back what nobody asked for but that a client which does not read it is closed. */
static void
send_unasked(struct session *session, const struct letter *letter)
{
	struct connection *connection = &session->connection;

	if (connection->out.size < (size_t)connection->limits->max_output)
		session_send(session, letter->data, letter->size);
	else
		connection_close(connection, CLOSE_SLOW_READER);
}

static void
deliver_letter(struct session *session, const struct letter *letter)
{
	struct connection *connection = &session->connection;

	switch (letter->kind) {
	case LETTER_SEND:
		send_unasked(session, letter);
		break;
	case LETTER_IDLE_TIMEOUT:
		connection_set_idle_timeout(connection, letter->value);
		connection_settle(connection);
		break;
	case LETTER_CLOSE:
		connection_finish(connection, CLOSE_MODULE);
		connection_settle(connection);
		break;
	}
}

static void
on_letter(void *arg, const struct letter *letter)
{
	struct session *session = find(arg, letter->connection);

	if (session != NULL && session->connection.state != CONNECTION_CLOSED)
		deliver_letter(session, letter);
}

static const struct dispatch_ops dispatch_ops = {
	.if_open = on_if_open,
	.returned = on_returned,
	.stalled = on_stalled,
	.answered = on_answered,
	.letter = on_letter,
};

/*
 * Threads go through what seems cheap without a wake-up for each job or reply. If a handler is not
 * cheap after all, this turn brings the loop what was done before, and others what waits behind.
 */
static void
on_look(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct sessions *sessions = arg;
	struct pool *pool = &sessions->dispatch.pool;

	sessions->look_ms = pool->submitted != sessions->looked
		? LOOK_MIN_MS
		: MIN(2 * sessions->look_ms, LOOK_MAX_MS);
	sessions->looked = pool->submitted;
	if (pool->out > 0)
		pool_top_up(pool);
}

static void
look_soon(struct sessions *sessions)
{
	const struct pool *pool = &sessions->dispatch.pool;
	const bool rare = sessions->look_ms > LOOK_MIN_MS;

	if (pool->out == 0)
		return;
	if (rare && pool->submitted != sessions->looked)
		sessions->look_ms = LOOK_MIN_MS;
	else if (evtimer_pending(sessions->look, NULL))
		return;
	loop_start_timer(sessions->look, sessions->look_ms);
}

int
sessions_open(struct sessions *sessions, const struct config *config, struct loop *loop,
	struct segment *segment, unsigned index, struct error *error)
{
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++)
		TAILQ_INIT(&sessions->crowded[i]);
	dispatch_open(&sessions->dispatch, config, loop, &dispatch_ops, sessions);
	sessions->network = network_open(loop, segment, index, &session_ops, error);
	if (sessions->network == NULL)
		return -1;
	sessions->look_ms = LOOK_MIN_MS;
	sessions->look = evtimer_new(loop->base, on_look, sessions);
	if (sessions->look == NULL)
		return error_set(error, "cannot make a timer");
	return deadlines_open(&sessions->deadlines, loop, expiry_run, error);
}

void
sessions_close(struct sessions *sessions)
{
	if (sessions->network == NULL)
		return;
	dispatch_collect(&sessions->dispatch);
	dispatch_close(&sessions->dispatch);
	if (sessions->look != NULL)
		event_free(sessions->look);
	sessions->look = NULL;
	deadlines_close(&sessions->deadlines);
	network_close(&sessions->network);
}

void
sessions_turn(struct sessions *sessions)
{
	dispatch_collect(&sessions->dispatch);
	for (unsigned i = 0; i < CONFIG_PRIORITY__COUNT; i++)
		feeder_relieve(sessions, (enum config_priority)i);
	output_flush_gathered(sessions->network);
	pool_flush(&sessions->dispatch.pool);
	look_soon(sessions);
	network_sweep(sessions->network);
	payload_unref(&sessions->last);
	tracer_flush(&sessions->reporter.tracer);
}

bool
sessions_are_busy(struct sessions *sessions)
{
	return !completion_is_empty(&sessions->dispatch.completion) ||
		pool_has_staged(&sessions->dispatch.pool);
}

void
sessions_keep(struct sessions *sessions, struct payload *payload)
{
	payload_unref(&sessions->last);
	sessions->last = payload;
}

void
sessions_let_go(struct sessions *sessions, struct request *request)
{
	struct dispatch *dispatch = &sessions->dispatch;

	request->detached = true;
	if (request->job != NULL)
		return; /* it comes back with the job */
	if ((atomic_load(&request->progress) & REQUEST_GONE) != 0)
		sessions_report_gone(sessions, request);
	if (request->pending && !request->came_back)
		kept_add(&dispatch->kept, request, loop_now(sessions->network->loop));
	else
		dispatch_free_request(dispatch, request);
}

void
sessions_report_gone(struct sessions *sessions, const struct request *request)
{
	counters_add(sessions->network->segment, request->service->id,
		COUNTER_REQUESTS + REQUEST_CLOSED, 1);
	if (sessions->reporter.on)
		reporter_end(&sessions->reporter, request, REQUEST_CLOSED, 0, -1,
			loop_now(sessions->network->loop));
}

void
sessions_tick(struct sessions *sessions)
{
	dispatch_check_batches(&sessions->dispatch);
	dispatch_check_watched(&sessions->dispatch);
	kept_check(&sessions->dispatch.kept, loop_now(sessions->network->loop));
}

void
sessions_report_held(struct sessions *sessions)
{
	const int64_t now_ms = loop_now(sessions->network->loop);

	network_report_held(sessions->network);
	log_limit_report(&sessions->waits_limit, now_ms);
	log_limit_report(&sessions->shed_limit, now_ms);
	log_limit_report(&sessions->timeout_limit, now_ms);
	log_limit_report(&sessions->reporter.slow.limit, now_ms);
}
