#include <config.h>

#include "worker/pipeline.h"

#include <stdlib.h>
#include <sys/param.h>

#include "base/clock.h"
#include "net/count.h"
#include "net/flow.h"
#include "net/output.h"
#include "worker/feeder.h"

enum {
	BYTES_MAX = 64 * 1024, /* of messages: past it no more is taken from the connection */
};

static struct pipeline *
pipeline_of(struct session *session)
{
	struct pipeline *pipeline = session->pipeline;

	if (pipeline != NULL)
		return pipeline;
	pipeline = malloc(sizeof(*pipeline));
	if (pipeline == NULL)
		return NULL;
	*pipeline = (struct pipeline){ .session = session };
	TAILQ_INIT(&pipeline->requests);
	deadline_init(&pipeline->deadline);
	session->pipeline = pipeline;
	return pipeline;
}

void
pipeline_uncrowd(struct pipeline *pipeline)
{
	TAILQ_REMOVE(&pipeline_sessions(pipeline)->crowded[pipeline->priority], pipeline, entry);
	pipeline->crowded = false;
}

static void
close_pipeline(struct session *session)
{
	struct pipeline *pipeline = session->pipeline;

	deadline_cancel(&pipeline_sessions(pipeline)->deadlines, &pipeline->deadline);
	free(pipeline);
	session->pipeline = NULL;
}

/* Whether it holds what it may, or the half of it (a SHARE of 2). */
static bool
is_crammed(const struct pipeline *pipeline, unsigned share)
{
	const struct config_service *config = session_service(pipeline->session)->config;
	const unsigned most = (unsigned)config->max_pipeline;

	return share * pipeline->count >= most || share * pipeline->bytes >= BYTES_MAX;
}

/* Half of it has to be free again before more is taken. */
static void
show_fullness(struct pipeline *pipeline)
{
	pipeline->full = is_crammed(pipeline, pipeline->full ? 2 : 1);
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
	if (!pipeline->full && is_crammed(pipeline, 1))
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

/* Requests from FIRST up to END, which had not begun, wait again, unless they were given up. */
static void
wait_again(struct sessions *sessions, struct job *job, unsigned first, unsigned end)
{
	for (unsigned i = first; i < end; i++) {
		struct request *request = job->requests[i];

		request->state = REQUEST_WAITING;
		request->job = NULL;
		if (request->detached)
			sessions_let_go(sessions, request);
	}
	job->count -= end - first;
}

void
pipeline_take_back(struct pipeline *pipeline, struct job *job)
{
	struct dispatch *dispatch = pipeline_dispatch(pipeline);
	unsigned first, end;
	bool over;

	first = pool_take_back(&dispatch->pool, job, &end, &over);
	wait_again(pipeline_sessions(pipeline), job, first, end);
	if (over)
		job_put(job, &dispatch->completion, true);
}

void
pipeline_give_up(struct pipeline *pipeline, struct request *request, unsigned why)
{
	struct sessions *sessions = pipeline_sessions(pipeline);

	atomic_fetch_or(&request->progress, why);
	if (request->state == REQUEST_KEPT) {
		pipeline->kept--;
		request->detached = true;
		if (why == REQUEST_GONE)
			sessions_report_gone(sessions, request);
		return;
	}
	sessions_let_go(sessions, request);
}

static void
drop(struct pipeline *pipeline, struct request *request)
{
	if (request->state == REQUEST_QUEUED)
		pipeline_take_back(pipeline, request->job);
	if (request->state == REQUEST_QUEUED)
		dispatch_watch(pipeline_dispatch(pipeline), request->job,
			request->service->config->request_timeout_ms);
	take_out(pipeline, request);
	pipeline_give_up(pipeline, request, REQUEST_GONE);
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
		pipeline_uncrowd(pipeline);
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
	if (!request->pending || request->came_back)
		return;
	request->state = REQUEST_KEPT;
	pipeline->kept++;
	kept_add(&pipeline_dispatch(pipeline)->kept, request,
		loop_now(session->connection.network->loop));
}

/* COUNT requests more are done. What a thread does between two looks at the clock it does as one.
 */
static void
count_handled(struct session *session, struct job *job, unsigned count)
{
	struct segment *segment = session->connection.network->segment;
	const unsigned service = job->service->id;
	struct job_times *times = &job->times;
	int64_t spent_ns, first_us;

	if (count == 0)
		return;
	spent_ns = atomic_load_explicit(&times->spent_ns, memory_order_relaxed);
	first_us = atomic_load_explicit(&times->first_us, memory_order_relaxed);
	counters_time(
		segment, service, COUNTER_HANDLER, (spent_ns - times->counted_ns) / count, count);
	counters_time(
		segment, service, COUNTER_QUEUE_WAIT, 1000 * (first_us - times->framed_us), count);
	times->counted_ns = spent_ns;
}

void
pipeline_collect(struct session *session, struct job *job, bool over)
{
	struct pipeline *pipeline = session->pipeline;
	const unsigned done = atomic_load_explicit(&job->done, memory_order_acquire);

	count_handled(session, job, done - job->collected);
	while (job->collected < done) {
		struct request *request = job->requests[job->collected++];

		request->job = NULL;
		if (request->detached)
			sessions_let_go(pipeline_sessions(pipeline), request);
		else
			pipeline_handled(session, request);
	}
	if (!over)
		return;
	wait_again(pipeline_sessions(pipeline), job, job->collected, job->count);
	pipeline->jobs--;
}

void
pipeline_answered(struct session *session, struct request *request)
{
	request->state = REQUEST_DONE;
	session->pipeline->kept--;
}

/* Requests that came with one read have begun together, and end together: COUNT of them. */
static void
count_durations(
	const struct connection *connection, int64_t framed_us, int64_t now_ns, unsigned count)
{
	if (count > 0)
		counters_time(connection->network->segment, connection->place.service,
			COUNTER_DURATION, now_ns - 1000 * framed_us, count);
}

/* Frees what was delivered, up to END. */
static void
free_delivered(struct pipeline *pipeline, const struct request *end)
{
	struct connection *connection = &pipeline->session->connection;
	const int64_t now_ns = clock_monotonic_ns();
	struct request *request;
	int64_t framed_us = 0;
	unsigned count = 0;

	while ((request = TAILQ_FIRST(&pipeline->requests)) != end) {
		if (request->framed_us != framed_us) {
			count_durations(connection, framed_us, now_ns, count);
			count = 0;
		}
		framed_us = request->framed_us;
		count++;
		take_out(pipeline, request);
		connection_release(connection);
		dispatch_free_request(pipeline_dispatch(pipeline), request);
	}
	count_durations(connection, framed_us, now_ns, count);
}

/* Sends the replies whose turn it is, in one go. */
static void
deliver(struct pipeline *pipeline)
{
	struct connection *connection = &pipeline->session->connection;
	struct request *end = TAILQ_FIRST(&pipeline->requests);

	if (end == NULL || end->state != REQUEST_DONE)
		return;
	for (; end != NULL && end->state == REQUEST_DONE; end = TAILQ_NEXT(end, entry))
		session_deliver(pipeline->session, end);
	output_flush(connection);
	free_delivered(pipeline, end);
	connection_show_activity(connection);
}

static bool
has_reply_to_send(const struct pipeline *pipeline)
{
	const struct request *first = TAILQ_FIRST(&pipeline->requests);

	return first != NULL && first->state == REQUEST_DONE;
}

/* Whether the request that waits for room still does, and is the next. */
static bool
needs_room(const struct pipeline *pipeline)
{
	const struct request *request = TAILQ_FIRST(&pipeline->requests);

	while (request != NULL && request->state != REQUEST_WAITING)
		request = TAILQ_NEXT(request, entry);
	return request != NULL && request->routed && !request->is_inline &&
		request->priority == pipeline->priority;
}

/* The first request without a reply is the first to be late. */
static void
set_deadline(struct pipeline *pipeline)
{
	const struct connection *connection = &pipeline->session->connection;
	const struct request *request = TAILQ_FIRST(&pipeline->requests);
	int64_t due_ms = DEADLINE_NEVER;

	while (request != NULL && request->state == REQUEST_DONE)
		request = TAILQ_NEXT(request, entry);
	if (request != NULL && request->public.deadline_ms > 0 && !connection->failed &&
		connection->state != CONNECTION_CLOSED)
		due_ms = request->public.deadline_ms;
	deadline_set(&pipeline_sessions(pipeline)->deadlines, &pipeline->deadline, due_ms);
}

void
pipeline_advance(struct session *session)
{
	struct pipeline *pipeline = session->pipeline;

	if (pipeline == NULL)
		return;
	if (pipeline->crowded && !needs_room(pipeline))
		pipeline_uncrowd(pipeline);
	do {
		deliver(pipeline);
		feeder_dispatch(pipeline);
	} while (has_reply_to_send(pipeline));
	show_fullness(pipeline);
	if (pipeline->count == 0 && pipeline->jobs == 0)
		close_pipeline(session);
	else
		set_deadline(pipeline);
}
