#include <config.h>

#include "worker/feeder.h"

#include <sys/param.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/count.h"

enum {
	JOB_AIM_NS = 50000, /* of work a job: much more than what handing it over costs */
};

static void
log_overload(struct pipeline *pipeline, const struct request *request, struct log_limit *limit,
	const char *text)
{
	struct sessions *sessions = pipeline_sessions(pipeline);
	const struct network *network = sessions->network;

	if (!log_limit_pass(limit, loop_now(network->loop), text, NULL))
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
	struct sessions *sessions = pipeline_sessions(pipeline);

	pipeline->crowded = true;
	pipeline->priority = request->priority;
	TAILQ_INSERT_TAIL(&sessions->crowded[pipeline->priority], pipeline, entry);
	sessions->waits++;
	connection_count(&pipeline->session->connection, COUNTER_WAITS, 1);
	log_overload(pipeline, request, &sessions->waits_limit,
		"the queue is full: connections are not read");
}

static void
shed(struct pipeline *pipeline, struct request *request)
{
	struct sessions *sessions = pipeline_sessions(pipeline);

	sessions->shed++;
	log_overload(
		pipeline, request, &sessions->shed_limit, "the queue is full: requests are shed");
	if (request_answer_notice(request, PF_NOTICE_BUSY) != 0)
		pipeline->session->connection.failed = true;
}

/* Cheap handlers are worth a thread together; dear ones of a concurrent module each for itself. */
static unsigned
job_length(const struct service *service)
{
	if (!service_is_concurrent(service))
		return JOB_MAX;
	return MIN(MAX(JOB_AIM_NS / (service_handler_ns(service) + 1), 1), JOB_MAX);
}

/* Routes it, if need be. */
static bool
route_joins(struct request *request, const struct job *job)
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
	struct dispatch *dispatch = pipeline_dispatch(pipeline);
	struct job *job = dispatch_new_job(dispatch);

	if (job == NULL) {
		pipeline->session->connection.failed = true;
		return;
	}
	job->connection = first->connection;
	job->service = first->service;
	job->priority = first->priority;
	job->times.framed_us = first->framed_us;
	for (struct request *request = first;
		request != NULL && job->count < most && route_joins(request, job);
		request = TAILQ_NEXT(request, entry)) {
		request->state = REQUEST_QUEUED;
		request->job = job;
		job->requests[job->count++] = request;
	}
	job_seal(job);
	pipeline->jobs++;
	dispatch_submit(dispatch, job);
}

/* Those that wait for room come first: whoever comes later goes behind them. */
static unsigned
room_for(struct pipeline *pipeline, const struct request *request)
{
	const struct sessions *sessions = pipeline_sessions(pipeline);

	if (!TAILQ_EMPTY(&sessions->crowded[request->priority]) && sessions->relieved != pipeline)
		return 0;
	return pool_room(&pipeline_dispatch(pipeline)->pool, request->priority);
}

/* One that had to wait is timed for itself. */
static void
run_here(struct request *request, struct segment *segment)
{
	const int64_t begun_ns = clock_monotonic_ns();

	request_run(request);
	counters_time(
		segment, request->service->id, COUNTER_HANDLER, clock_monotonic_ns() - begun_ns, 1);
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
		run_here(request, pipeline_sessions(pipeline)->network->segment);
		pipeline_handled(pipeline->session, request);
		return true;
	}
	room = room_for(pipeline, request);
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

	if (session->connection.state == CONNECTION_CLOSED || session->connection.failed ||
		pipeline->crowded)
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

void
feeder_dispatch(struct pipeline *pipeline)
{
	struct request *request = TAILQ_FIRST(&pipeline->requests);

	while (may_dispatch(pipeline) && (request = next_waiting(request)) != NULL) {
		if (!dispatch_one(pipeline, request))
			break;
	}
}

void
feeder_relieve(struct sessions *sessions, enum config_priority priority)
{
	struct pipeline_list *crowded = &sessions->crowded[priority];
	struct pipeline *pipeline;

	while ((pipeline = TAILQ_FIRST(crowded)) != NULL &&
		pool_is_relieved(&sessions->dispatch.pool, priority)) {
		pipeline_uncrowd(pipeline);
		sessions->relieved = pipeline;
		session_advance(pipeline->session);
	}
	sessions->relieved = NULL;
}
