#include <config.h>

#include "worker/expiry.h"

#include "base/clock.h"
#include "base/log.h"
#include "segment/counters.h"
#include "worker/pipeline.h"

static void
answer_late(struct pipeline *pipeline, struct request *request)
{
	if (request_answer_notice(request, PF_NOTICE_TIMEOUT) != 0)
		pipeline->session->connection.failed = true;
}

static void
take_times(struct request *to, const struct request *from)
{
	request_measure(to, from->framed_us, &from->trace);
	to->is_inline = from->is_inline;
	if (from->state == REQUEST_QUEUED) {
		to->begun_us = job_begun_us(from->job);
	} else {
		to->begun_us = from->begun_us;
		to->ended_us = from->ended_us;
	}
}

/* A request that somebody else has is replaced in its place; what comes of it comes too late. */
static void
stand_in(struct pipeline *pipeline, struct request *request)
{
	struct request *other = dispatch_new_request(pipeline_dispatch(pipeline), request->service);

	if (other == NULL) {
		pipeline->session->connection.failed = true;
		return;
	}
	/* Not `state`, which a handler may be writing. */
	other->public = (struct pf_request){
		.connection = request->public.connection,
		.message = request->public.message,
		.number = request->public.number,
		.deadline_ms = request->public.deadline_ms,
	};
	other->payload = request->payload;
	payload_ref(other->payload);
	other->connection = request->connection;
	other->framed_us = request->framed_us;
	if (request->measured)
		take_times(other, request);
	other->end = request->end;
	TAILQ_INSERT_BEFORE(request, other, entry);
	TAILQ_REMOVE(&pipeline->requests, request, entry);
	answer_late(pipeline, other);
	pipeline_give_up(pipeline, request, REQUEST_LATE);
}

static void
log_expired(struct pipeline *pipeline, const struct request *request)
{
	static const char *const wheres[] = {
		[REQUEST_WAITING] = "waiting",
		[REQUEST_QUEUED] = "running",
		[REQUEST_KEPT] = "kept",
	};
	struct sessions *sessions = pipeline_sessions(pipeline);

	if (!log_limit_pass(&sessions->timeout_limit, loop_now(sessions->network->loop),
		    "a request has timed out", NULL))
		return;
	log_warn("a request has timed out", log_str("service", request->service->config->name),
		log_id("connection", request->connection),
		log_uint("request", request->public.number), log_str("was", wheres[request->state]),
		log_uint("expired", sessions->expired));
}

/* Those that waited for so long that no thread had time for them have waited the longest. */
static void
count_wait(struct sessions *sessions, const struct request *request)
{
	if (request->routed && !request->is_inline)
		counters_time(sessions->network->segment, request->service->id, COUNTER_QUEUE_WAIT,
			clock_monotonic_ns() - 1000 * request->framed_us, 1);
}

/* It is late: answered by the module's notice, wherever it is. */
static void
expire(struct pipeline *pipeline, struct request *request)
{
	struct sessions *sessions = pipeline_sessions(pipeline);

	sessions->expired++;
	log_expired(pipeline, request);
	if (request->state == REQUEST_WAITING) {
		count_wait(sessions, request);
		answer_late(pipeline, request);
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
	const struct network *network = pipeline_sessions(pipeline)->network;

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
expiry_run(struct deadline *deadline)
{
	struct pipeline *pipeline = container_of(deadline, struct pipeline, deadline);
	struct session *session = pipeline->session;
	struct request *request, *next;
	struct job *job;

	while ((job = next_recalled(pipeline)) != NULL) {
		pipeline_take_back(pipeline, job);
		pipeline_collect(session, job, false);
	}
	TAILQ_FOREACH_SAFE (request, &pipeline->requests, entry, next) {
		if (request->state != REQUEST_DONE && is_due(pipeline, request))
			expire(pipeline, request);
	}
	session_advance(session);
}
