#include <config.h>

#include "worker/intake.h"

#include <sys/param.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/count.h"
#include "net/flow.h"
#include "net/input.h"
#include "net/output.h"
#include "worker/pipeline.h"

/* What one call of intake_run works on. */
struct intake {
	struct session *session;
	struct sessions *sessions;
	struct service *service;
	struct span left;        /* input that is not taken yet */
	struct payload *payload; /* where that is, once it has to last; NULL: where it came */
	struct request *request; /* one that was answered at once, for the next message; or NULL */
	int64_t begun_ns;        /* when its first message was whole; 0: none is */
	unsigned answered;       /* at once */
};

static void
say_protocol_error(const struct session *session, const struct wire_frame *frame)
{
	const struct connection *connection = &session->connection;
	struct network *network = connection->network;
	char text[ADDRESS_TEXT_MAX];

	connection_count(connection, COUNTER_PROTOCOL + frame->error, 1);
	if (!log_limit_pass(
		    &network->protocol_limit, loop_now(network->loop), "protocol error", NULL))
		return;
	address_print_peer(connection->fd, text);
	log_warn("protocol error", log_str("reason", wire_error_text(frame->error)),
		log_uint("announced", frame->announced),
		log_str("service", session_service(session)->config->name), log_str("peer", text),
		log_id("connection", connection->id), log_uint("request", session->requests + 1));
}

/* What was lent of reserved memory has to go before that does. */
static void
end_inline(struct intake *intake, struct request *request)
{
	struct session *session = intake->session;

	session_report(session, request);
	intake->answered++;
	if (unlikely(request->verdict == PF_CLOSE))
		connection_finish(&session->connection, CLOSE_MODULE);
	if (unlikely(request->reply.blocks != NULL)) {
		output_flush(&session->connection);
		reply_clear(&request->reply);
	}
	intake->request = request;
}

static void
fail(struct session *session, struct request *request)
{
	session->connection.failed = true;
	atomic_fetch_or(&request->progress, REQUEST_GONE);
	sessions_let_go(session_sessions(session), request);
}

/* It was handled, and its reply is to come. */
static void
keep(const struct intake *intake, struct request *request)
{
	struct session *session = intake->session;

	request->framed_us = intake->begun_ns / 1000;
	if (pipeline_add(session, request) == 0)
		pipeline_handled(session, request);
	else
		fail(session, request);
}

/* Nothing is under way, so it can be handled and answered at once. */
static void
handle_now(struct intake *intake, struct request *request)
{
	struct session *session = intake->session;

	request->send = session_send_now;
	connection_hold(&session->connection);
	request_run(request);
	connection_release(&session->connection);
	if (likely(!request->kept))
		end_inline(intake, request);
	else
		keep(intake, request);
}

/* The left input as a payload: copied, or where it is, if that is much. NULL without memory. */
static struct payload *
make_payload(const struct intake *intake)
{
	struct payload *payload;

	if (intake->left.size < INPUT_TAKE_MIN)
		return payload_copy(intake->left);
	payload = payload_around(intake->left);
	if (payload != NULL)
		payload->memory = input_take_over(&intake->session->connection);
	return payload;
}

/* Sees to it that what is left of the input, and the message at its front, can stay. */
static int
make_last(struct intake *intake, struct span *message)
{
	const size_t offset = (size_t)(message->data - intake->left.data);

	if (intake->payload != NULL)
		return 0;
	intake->payload = make_payload(intake);
	if (intake->payload == NULL)
		return -1;
	intake->left.data = intake->payload->data;
	message->data = intake->left.data + offset;
	return 0;
}

/* One that was answered at once is ready for the next message. */
static void
renew(struct request *request)
{
	request->public.state = NULL;
	request->result = REQUEST_NONE;
	request->answered = false;
	request->reply.count = 0;
}

/* What all requests of one run have in common stands in one that was used in it. */
static struct request *
take_request(struct intake *intake)
{
	struct request *request = intake->request;

	if (likely(request != NULL)) {
		intake->request = NULL;
		renew(request);
		return request;
	}
	request = dispatch_new_request(&intake->sessions->dispatch, intake->service);
	if (unlikely(request == NULL))
		return NULL;
	request->public.connection = &intake->session->public;
	request->connection = intake->session->public.id;
	return request;
}

static struct request *
make_request(struct intake *intake, struct span message)
{
	struct session *session = intake->session;
	struct request *request = take_request(intake);
	const int64_t timeout_ms = intake->service->config->request_timeout_ms;

	if (unlikely(request == NULL))
		return NULL;
	request->public.message = (struct pf_span){ message.data, message.size };
	request->public.number = ++session->requests;
	intake->sessions->requests++;
	request->end = session->end;
	request->send = request_record;
	if (timeout_ms > 0)
		request->public.deadline_ms =
			loop_now(intake->sessions->network->loop) + timeout_ms;
	if (unlikely(intake->sessions->reporter.on))
		reporter_begin(&intake->sessions->reporter, request, intake->begun_ns / 1000,
			loop_now(intake->sessions->network->loop));
	return request;
}

/* It has to wait, for its turn or for a thread. */
static void
enqueue(struct intake *intake, struct request *request, struct span message)
{
	struct session *session = intake->session;

	if (make_last(intake, &message) != 0) {
		fail(session, request);
		return;
	}
	request->public.message.data = message.data;
	request->framed_us = intake->begun_ns / 1000;
	request->payload = intake->payload;
	payload_ref(request->payload);
	if (pipeline_add(session, request) != 0)
		fail(session, request);
}

/* Routes it, if that may be. */
static bool
is_for_now(const struct session *session, struct request *request)
{
	if (unlikely(!pipeline_is_clear(session)))
		return false;
	request_route(request);
	return request->is_inline;
}

static void
take_message(struct intake *intake, const struct wire_frame *frame)
{
	struct session *session = intake->session;
	struct span message = wire_message(frame);
	struct request *request;

	if (intake->begun_ns == 0)
		intake->begun_ns = clock_monotonic_ns();
	request = make_request(intake, message);
	if (unlikely(request == NULL))
		session->connection.failed = true;
	else if (likely(is_for_now(session, request)))
		handle_now(intake, request);
	else
		enqueue(intake, request, message);
	intake->left = span_after(intake->left, frame->size);
}

/* What came along from another worker keeps the limit under which it was read. */
static struct wire
old_wire(const struct session *session, const struct wire *wire)
{
	struct wire old = *wire;

	old.max_message = MAX(wire->max_message, (size_t)session->old_limit * 1024);
	return old;
}

/* At the client's end of file, what is no whole frame may be a message all the same. */
static enum wire_status
decode_with(const struct wire *wire, const struct intake *intake, struct wire_frame *frame)
{
	struct session *session = intake->session;
	enum wire_status status = wire_decode(wire, intake->left, session->searched, frame);

	if (likely(status == WIRE_FRAME))
		session->end = frame->end;
	else if (status == WIRE_MORE && session->connection.eof)
		status = wire_finish(wire, intake->left, frame);
	session->searched = status == WIRE_MORE ? (uint32_t)frame->searched : 0;
	return status;
}

static enum wire_status
decode(const struct intake *intake, struct wire_frame *frame)
{
	struct session *session = intake->session;
	const struct wire *wire = &intake->service->wire;
	struct wire old;

	if (likely(session->old_limit == 0))
		return decode_with(wire, intake, frame);
	old = old_wire(session, wire);
	return decode_with(&old, intake, frame);
}

/* Takes messages as long as there are any and the connection is fed. Returns whether it is over. */
static bool
take_messages(struct intake *intake)
{
	struct connection *connection = &intake->session->connection;
	struct wire_frame frame;

	while (intake->left.size > 0 && flow_is_on(connection)) {
		switch (decode(intake, &frame)) {
		case WIRE_FRAME:
			take_message(intake, &frame);
			break;
		case WIRE_MORE:
			connection_need(connection, frame.size);
			return true;
		case WIRE_ERROR:
			say_protocol_error(intake->session, &frame);
			connection_finish(connection, CLOSE_PROTOCOL);
			break;
		}
	}
	return false;
}

/* Of those that were answered at once: what one read has brought is timed together. */
static void
count_times(const struct intake *intake)
{
	struct segment *segment = intake->sessions->network->segment;
	const int64_t ns = clock_monotonic_ns() - intake->begun_ns;

	counters_time(segment, intake->service->id, COUNTER_DURATION, ns, intake->answered);
	counters_time(segment, intake->service->id, COUNTER_HANDLER, ns / intake->answered,
		intake->answered);
}

size_t
intake_run(struct session *session, struct span input)
{
	struct connection *connection = &session->connection;
	struct intake intake = {
		.session = session,
		.sessions = session_sessions(session),
		.service = session_service(session),
		.left = input,
	};
	bool over;

	do {
		over = take_messages(&intake);
		pipeline_advance(session);
	} while (!over && intake.left.size > 0 && flow_is_on(connection));

	if (likely(intake.request != NULL))
		dispatch_free_request(&intake.sessions->dispatch, intake.request);
	if (unlikely(intake.payload != NULL)) {
		output_flush(connection); /* replies may point into it */
		sessions_keep(intake.sessions, intake.payload);
	}
	if (intake.answered > 0)
		count_times(&intake);
	if (unlikely(session->old_limit > 0) && intake.left.size == 0)
		session->old_limit = 0;
	return input.size - intake.left.size;
}
