#include <config.h>

#include "worker/pipeline.h"

#include <stdlib.h>
#include <sys/param.h>

#include "base/log.h"
#include "net/flow.h"
#include "net/output.h"

enum {
	BYTES_MAX = 64 * 1024, /* of messages: past it no more is taken from the connection */
};

static struct sessions *
sessions_of(const struct pipeline *pipeline)
{
	return session_sessions(pipeline->session);
}

static struct dispatch *
dispatch_of(const struct pipeline *pipeline)
{
	return &sessions_of(pipeline)->dispatch;
}

static struct pipeline *
pipeline_of(struct session *session)
{
	struct pipeline *pipeline = session->pipeline;

	if (pipeline != NULL)
		return pipeline;
	pipeline = calloc(1, sizeof(*pipeline));
	if (pipeline == NULL)
		return NULL;
	pipeline->session = session;
	TAILQ_INIT(&pipeline->requests);
	deadline_init(&pipeline->deadline);
	session->pipeline = pipeline;
	return pipeline;
}

static void
close_pipeline(struct session *session)
{
	struct pipeline *pipeline = session->pipeline;

	deadline_cancel(&sessions_of(pipeline)->deadlines, &pipeline->deadline);
	free(pipeline);
	session->pipeline = NULL;
}

/* Half of it has to be free again before more is taken. */
static void
show_fullness(struct pipeline *pipeline)
{
	const struct config_service *config = session_service(pipeline->session)->config;
	const unsigned most = (unsigned)config->max_pipeline;
	const unsigned share = pipeline->full ? 2 : 1;

	pipeline->full =
		pipeline->count >= MAX(most / share, 1) || pipeline->bytes >= BYTES_MAX / share;
	if (pipeline->full || pipeline->crowded)
		flow_pause(&pipeline->session->connection, PAUSE_OWNER);
	else
		flow_unpause(&pipeline->session->connection, PAUSE_OWNER);
}

int
pipeline_add(struct session *session, struct request *request)
{
	struct pipeline *pipeline = pipeline_of(session);

	if (pipeline == NULL)
		return -1;
	TAILQ_INSERT_TAIL(&pipeline->requests, request, entry);
	pipeline->count++;
	pipeline->bytes += request->public.message.size;
	connection_hold(&session->connection);
	show_fullness(pipeline);
	return 0;
}

static void
take_out(struct pipeline *pipeline, struct request *request)
{
	TAILQ_REMOVE(&pipeline->requests, request, entry);
	pipeline->count--;
	pipeline->bytes -= request->public.message.size;
}

void
pipeline_disown(struct sessions *sessions, struct request *request)
{
	struct dispatch *dispatch = &sessions->dispatch;

	request->detached = true;
	if (request->job != NULL)
		return; /* its handler runs */
	if (request->pending && !request->returned)
		dispatch_keep(dispatch, request, loop_now(sessions->network->loop));
	else
		dispatch_free(dispatch, request);
}

/* Requests from FIRST up to END, which had not begun, wait again. */
static void
wait_again(struct job *job, unsigned first, unsigned end)
{
	for (unsigned i = first; i < end; i++) {
		job->requests[i]->state = REQUEST_WAITING;
		job->requests[i]->job = NULL;
	}
	job->count -= end - first;
}

/* A job that no thread has comes back by itself, with what a thread had done of it before. */
static void
take_back(struct pipeline *pipeline, struct job *job)
{
	struct dispatch *dispatch = dispatch_of(pipeline);
	unsigned first, end;
	bool over;

	first = pool_take_back(&dispatch->pool, job, &end, &over);
	wait_again(job, first, end);
	if (over)
		job_post(job, &dispatch->completion, true);
}

/*
 * The client gets nothing for REQUEST any more, but for what may stand in its place. WHY is
 * REQUEST_GONE or REQUEST_LATE, in case the module still has it.
 */
static void
give_up(struct pipeline *pipeline, struct request *request, unsigned why)
{
	struct sessions *sessions = sessions_of(pipeline);

	atomic_fetch_or(&request->progress, why);
	if (request->state == REQUEST_KEPT) {
		pipeline->kept--;
		request->detached = true;
		return;
	}
	pipeline_disown(sessions, request);
}

static void
drop(struct pipeline *pipeline, struct request *request)
{
	if (request->state == REQUEST_QUEUED)
		take_back(pipeline, request->job);
	take_out(pipeline, request);
	give_up(pipeline, request, REQUEST_GONE);
	connection_release(&pipeline->session->connection);
}

static void
drop_behind(struct pipeline *pipeline, const struct request *request)
{
	struct request *last;

	while ((last = TAILQ_LAST(&pipeline->requests, request_list)) != request)
		drop(pipeline, last);
}

bool
pipeline_abandon(struct session *session)
{
	struct pipeline *pipeline = session->pipeline;
	struct request *request;

	if (pipeline == NULL)
		return true;
	while ((request = TAILQ_FIRST(&pipeline->requests)) != NULL)
		drop(pipeline, request);
	if (pipeline->crowded)
		TAILQ_REMOVE(&sessions_of(pipeline)->crowded[pipeline->priority], pipeline, entry);
	pipeline->crowded = false;
	if (pipeline->jobs > 0)
		return false;
	close_pipeline(session);
	return true;
}

void
pipeline_handled(struct session *session, struct request *request)
{
	struct pipeline *pipeline = session->pipeline;

	if (request->verdict == PF_CLOSE) {
		drop_behind(pipeline, request);
		connection_finish(&session->connection, CLOSE_MODULE);
	}
	request->state = REQUEST_DONE;
	if (!request->pending || request->returned)
		return;
	request->state = REQUEST_KEPT;
	pipeline->kept++;
	dispatch_keep(dispatch_of(pipeline), request, loop_now(session->connection.network->loop));
}

void
pipeline_collect(struct session *session, struct job *job, bool over)
{
	struct pipeline *pipeline = session->pipeline;
	const unsigned done = atomic_load_explicit(&job->done, memory_order_acquire);

	while (job->collected < done) {
		struct request *request = job->requests[job->collected++];

		request->job = NULL;
		if (request->detached)
			pipeline_disown(sessions_of(pipeline), request);
		else
			pipeline_handled(session, request);
	}
	if (!over)
		return;
	wait_again(job, job->collected, job->count);
	pipeline->jobs--;
}

void
pipeline_answered(struct session *session, struct request *request)
{
	request->state = REQUEST_DONE;
	session->pipeline->kept--;
}

/* Sends the replies whose turn it is, in one go. */
static void
deliver(struct pipeline *pipeline)
{
	struct connection *connection = &pipeline->session->connection;
	struct request_list sent = TAILQ_HEAD_INITIALIZER(sent);
	struct request *request;

	while ((request = TAILQ_FIRST(&pipeline->requests)) != NULL &&
		request->state == REQUEST_DONE) {
		take_out(pipeline, request);
		session_deliver(pipeline->session, request);
		TAILQ_INSERT_TAIL(&sent, request, entry);
	}
	if (TAILQ_EMPTY(&sent))
		return;
	output_flush(connection);
	while ((request = TAILQ_FIRST(&sent)) != NULL) {
		TAILQ_REMOVE(&sent, request, entry);
		connection_release(connection);
		dispatch_free(dispatch_of(pipeline), request);
	}
	connection_show_activity(connection);
}

static void
log_overload(struct pipeline *pipeline, const struct request *request, const char *text)
{
	struct sessions *sessions = sessions_of(pipeline);
	const struct network *network = sessions->network;

	if (!log_limit_pass(&sessions->overload_limit, loop_now(network->loop)))
		return;
	log_warn(text, log_str("service", request->service->config->name),
		log_uint("queue_length", sessions->dispatch.pool.queue_length),
		log_uint("waits", sessions->waits), log_uint("shed", sessions->shed),
		log_id("connection", request->connection),
		log_uint("request", request->public.number));
}

static void
crowd(struct pipeline *pipeline, const struct request *request)
{
	struct sessions *sessions = sessions_of(pipeline);

	if (pipeline->crowded)
		return;
	pipeline->crowded = true;
	pipeline->priority = request->priority;
	TAILQ_INSERT_TAIL(&sessions->crowded[pipeline->priority], pipeline, entry);
	sessions->waits++;
	log_overload(pipeline, request, "the queue is full: connections are not read");
}

static void
shed(struct pipeline *pipeline, struct request *request)
{
	sessions_of(pipeline)->shed++;
	log_overload(pipeline, request, "the queue is full: requests are shed");
	request_answer_notice(request, PF_NOTICE_BUSY);
	request->state = REQUEST_DONE;
}

/* Cheap handlers are worth a thread together; dear ones of a concurrent module each for itself. */
static unsigned
job_length(const struct service *service)
{
	const unsigned aim_us = 50;
	unsigned us;

	if (!service_is_concurrent(service))
		return JOB_MAX;
	us = atomic_load_explicit(&service->handler_us, memory_order_relaxed);
	return MIN(MAX(aim_us / (us + 1), 1), JOB_MAX);
}

static bool
joins(struct request *request, const struct job *job)
{
	if (request->state != REQUEST_WAITING)
		return false;
	if (!request->routed)
		request_route(request);
	return !request->is_inline && request->priority == job->priority;
}

/* Makes a job of MOST requests from FIRST on, which is for the pool, and of those like it. */
static void
submit(struct pipeline *pipeline, struct request *first, unsigned most)
{
	struct dispatch *dispatch = dispatch_of(pipeline);
	struct job *job = dispatch_job(dispatch);

	if (job == NULL) {
		connection_close(&pipeline->session->connection, CLOSE_MEMORY);
		return;
	}
	job->connection = first->connection;
	job->priority = first->priority;
	for (struct request *request = first;
		request != NULL && job->count < most && joins(request, job);
		request = TAILQ_NEXT(request, entry)) {
		request->state = REQUEST_QUEUED;
		request->job = job;
		job->requests[job->count++] = request;
	}
	job_seal(job);
	pipeline->jobs++;
	pool_submit(&dispatch->pool, job);
}

static void
run_inline(struct pipeline *pipeline, struct request *request)
{
	const bool measured = request->framed_us > 0;

	if (measured)
		request->begun_us = clock_monotonic_us();
	request_run(request);
	if (measured)
		request->ended_us = clock_monotonic_us();
	pipeline_handled(pipeline->session, request);
}

/* Dispatches REQUEST, which waits. Returns whether others may be dispatched behind it. */
static bool
dispatch_one(struct pipeline *pipeline, struct request *request)
{
	const struct service *service = request->service;
	unsigned room;

	if (!request->routed)
		request_route(request);
	if (request->is_inline) {
		run_inline(pipeline, request);
		return true;
	}
	room = pool_room(&dispatch_of(pipeline)->pool, request->priority);
	if (room > 0) {
		submit(pipeline, request, MIN(room, job_length(service)));
		return true;
	}
	if (service->config->overload == CONFIG_OVERLOAD_SHED) {
		shed(pipeline, request);
		return true;
	}
	crowd(pipeline, request);
	return false;
}

static bool
may_dispatch(const struct pipeline *pipeline)
{
	const struct session *session = pipeline->session;

	if (session->connection.state == CONNECTION_CLOSED || pipeline->crowded)
		return false;
	return service_is_concurrent(session_service(session)) ||
		(pipeline->jobs == 0 && pipeline->kept == 0);
}

static struct request *
next_waiting(struct request *request)
{
	while (request != NULL && request->state != REQUEST_WAITING)
		request = TAILQ_NEXT(request, entry);
	return request;
}

static void
dispatch_waiting(struct pipeline *pipeline)
{
	struct request *request = TAILQ_FIRST(&pipeline->requests);

	while (may_dispatch(pipeline) && (request = next_waiting(request)) != NULL) {
		if (!dispatch_one(pipeline, request))
			break;
	}
}

static bool
has_reply_to_send(const struct pipeline *pipeline)
{
	const struct request *first = TAILQ_FIRST(&pipeline->requests);

	return first != NULL && first->state == REQUEST_DONE;
}

/* The first request without a reply is the first to be late. */
static void
set_deadline(struct pipeline *pipeline)
{
	const struct request *request = TAILQ_FIRST(&pipeline->requests);
	int64_t due_ms = DEADLINE_NEVER;

	while (request != NULL && request->state == REQUEST_DONE)
		request = TAILQ_NEXT(request, entry);
	if (request != NULL && request->public.deadline_ms > 0)
		due_ms = request->public.deadline_ms;
	deadline_set(&sessions_of(pipeline)->deadlines, &pipeline->deadline, due_ms);
}

void
pipeline_advance(struct session *session)
{
	struct pipeline *pipeline = session->pipeline;

	if (pipeline == NULL)
		return;
	do {
		deliver(pipeline);
		dispatch_waiting(pipeline);
	} while (has_reply_to_send(pipeline));
	show_fullness(pipeline);
	if (pipeline->count == 0 && pipeline->jobs == 0)
		close_pipeline(session);
	else
		set_deadline(pipeline);
}

void
pipeline_relieve(struct sessions *sessions, enum config_priority priority)
{
	struct pipeline_list *crowded = &sessions->crowded[priority];
	struct pipeline *pipeline;

	while ((pipeline = TAILQ_FIRST(crowded)) != NULL &&
		pool_is_relieved(&sessions->dispatch.pool, priority)) {
		TAILQ_REMOVE(crowded, pipeline, entry);
		pipeline->crowded = false;
		session_advance(pipeline->session);
	}
}

/* A request that somebody else has is replaced in its place; what comes of it comes too late. */
static void
stand_in(struct pipeline *pipeline, struct request *request)
{
	struct request *other = dispatch_request(dispatch_of(pipeline), request->service);

	if (other == NULL) {
		connection_close(&pipeline->session->connection, CLOSE_MEMORY);
		return;
	}
	other->public = request->public;
	other->payload = request->payload;
	payload_ref(other->payload);
	other->connection = request->connection;
	other->framed_us = request->framed_us;
	other->end = request->end;
	other->state = REQUEST_DONE;
	TAILQ_INSERT_BEFORE(request, other, entry);
	TAILQ_REMOVE(&pipeline->requests, request, entry);
	request_answer_notice(other, PF_NOTICE_TIMEOUT);
	give_up(pipeline, request, REQUEST_LATE);
}

static void
log_expired(struct pipeline *pipeline, const struct request *request)
{
	static const char *const wheres[] = {
		[REQUEST_WAITING] = "waiting",
		[REQUEST_QUEUED] = "running",
		[REQUEST_KEPT] = "kept",
	};
	struct sessions *sessions = sessions_of(pipeline);

	if (!log_limit_pass(&sessions->timeout_limit, loop_now(sessions->network->loop)))
		return;
	log_warn("a request has timed out", log_str("service", request->service->config->name),
		log_id("connection", request->connection),
		log_uint("request", request->public.number), log_str("was", wheres[request->state]),
		log_uint("expired", sessions->expired));
}

/* It is late: answered by the module's notice, wherever it is. */
static void
expire(struct pipeline *pipeline, struct request *request)
{
	struct sessions *sessions = sessions_of(pipeline);

	sessions->expired++;
	log_expired(pipeline, request);
	if (request->state == REQUEST_WAITING) {
		request_answer_notice(request, PF_NOTICE_TIMEOUT);
		request->state = REQUEST_DONE;
		return;
	}
	if (request->state == REQUEST_QUEUED)
		dispatch_watch(&sessions->dispatch, request->job,
			request->service->config->request_timeout_ms);
	stand_in(pipeline, request);
}

static bool
is_due(struct pipeline *pipeline, const struct request *request)
{
	const struct network *network = sessions_of(pipeline)->network;

	return request->public.deadline_ms > 0 &&
		request->public.deadline_ms <= loop_now(network->loop);
}

/* The job of a late request of which something can still be had: done, or not begun. */
static struct job *
next_recalled(struct pipeline *pipeline)
{
	struct request *request;

	TAILQ_FOREACH (request, &pipeline->requests, entry) {
		if (request->state == REQUEST_DONE)
			continue;
		if (!is_due(pipeline, request))
			break;
		if (request->state == REQUEST_QUEUED && job_has_more(request->job))
			return request->job;
	}
	return NULL;
}

void
pipeline_expired(struct deadline *deadline)
{
	struct pipeline *pipeline = container_of(deadline, struct pipeline, deadline);
	struct session *session = pipeline->session;
	struct request *request, *next;
	struct job *job;

	while ((job = next_recalled(pipeline)) != NULL) {
		take_back(pipeline, job);
		pipeline_collect(session, job, false);
	}
	TAILQ_FOREACH_SAFE (request, &pipeline->requests, entry, next) {
		if (request->state != REQUEST_DONE && is_due(pipeline, request))
			expire(pipeline, request);
	}
	session_advance(session);
}
