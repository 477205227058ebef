#include <config.h>

#include "worker/session.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "dispatch/notice.h"
#include "net/flow.h"
#include "net/output.h"
#include "worker/pipeline.h"

/*
 * Tens of thousands of idle connections are cheap as long as this stays so: with what stands for it
 * in the table of connections and in that of addresses.
 */
static_assert(sizeof(struct session) - sizeof(struct event) + sizeof(struct connection_chain) +
			sizeof(uint64_t) <=
		256,
	"a small idle connection");

static void
log_protocol_error(const struct session *session, const struct wire_frame *frame)
{
	const struct connection *connection = &session->connection;
	struct network *network = connection->network;
	char text[ADDRESS_TEXT_MAX];

	if (!log_limit_pass(&network->protocol_limit, loop_now(network->loop)))
		return;
	address_print_peer(connection->fd, text);
	log_warn("protocol error", log_str("reason", wire_error_text(frame->error)),
		log_uint("announced", frame->announced),
		log_str("service", session_service(session)->config->name), log_str("peer", text),
		log_id("connection", connection->id), log_uint("request", session->requests + 1));
}

static void
log_too_big(const struct session *session, const struct request *request)
{
	struct network *network = session->connection.network;

	if (log_limit_pass(&network->protocol_limit, loop_now(network->loop)))
		log_warn("the module's reply is too big for the framing",
			log_uint("size", request->reply.size),
			log_str("service", session_service(session)->config->name),
			log_id("connection", session->connection.id),
			log_uint("request", request->public.number));
}

/* Sends what PART has of the *HEAD bytes that still go before the prefix. Returns its rest. */
static struct span
send_head(struct connection *connection, struct span part, size_t *head,
	const struct wire_envelope *envelope)
{
	size_t size = part.size < *head ? part.size : *head;

	output_send_copy(connection, part.data, size);
	*head -= size;
	if (*head == 0)
		output_send_copy(connection, envelope->prefix, envelope->prefix_size);
	return span_after(part, size);
}

/* What LASTS may be lent: it lives until the flush. */
static void
send_part(struct connection *connection, const struct request *lasts, struct span part)
{
	if (lasts == NULL ||
		(!span_is_within(&lasts->public.message, part.data, part.size) &&
			!reply_has(&lasts->reply, part.data, part.size)))
		output_send_copy(connection, part.data, part.size);
	else
		output_send_lent(connection, part.data, part.size);
}

static void
send_parts(struct connection *connection, const struct wire_envelope *envelope,
	const struct request *lasts, const struct pf_span *parts, size_t count)
{
	size_t head = envelope->head;

	if (likely(head == 0))
		output_send_copy(connection, envelope->prefix, envelope->prefix_size);
	for (size_t i = 0; i < count; i++) {
		struct span part = { parts[i].data, parts[i].size };

		if (unlikely(head > 0))
			part = send_head(connection, part, &head, envelope);
		send_part(connection, lasts, part);
	}
	output_send_copy(connection, envelope->suffix.data, envelope->suffix.size);
}

/* Sends the reply of a handler that runs on the loop, when it is its turn. */
static int
send_now(struct request *request, const struct pf_span *parts, size_t count)
{
	struct session *session = container_of(request->public.connection, struct session, public);
	struct connection *connection = &session->connection;
	struct reply *reply = &request->reply;

	reply->size = 0;
	for (size_t i = 0; i < count; i++)
		reply->size += parts[i].size;
	if (!output_is_taken(connection)) {
		request->result = REQUEST_CLOSED;
		return PF_E_CLOSED;
	}
	if (wire_encode(&request->service->wire, reply->size, (enum wire_end)request->end,
		    &reply->envelope) != 0) {
		request->result = REQUEST_TOO_BIG;
		return PF_E_TOO_BIG;
	}
	request->result = REQUEST_OK;
	send_parts(connection, &reply->envelope, request, parts, count);
	return PF_OK;
}

/* A request has its reply: what is to be said of it. */
static void
report(struct session *session, const struct request *request)
{
	struct sessions *sessions = session_sessions(session);

	if (unlikely(request->result == REQUEST_TOO_BIG))
		log_too_big(session, request);
	if (unlikely(request_log_is_on(&sessions->request_log)))
		request_log_write(
			&sessions->request_log, request, loop_now(sessions->network->loop));
}

void
session_deliver(struct session *session, struct request *request)
{
	struct connection *connection = &session->connection;
	const struct reply *reply = &request->reply;

	if (!output_is_taken(connection))
		request->result = REQUEST_CLOSED;
	else if (request->answered)
		send_parts(connection, &reply->envelope, request, reply->parts, reply->count);
	report(session, request);
}

void
session_send(struct session *session, const char *data, size_t size)
{
	struct connection *connection = &session->connection;
	const struct service *service = session_service(session);
	const struct pf_span part = { data, size };
	struct wire_envelope envelope;

	if (connection->out.size >= (size_t)connection->limits->max_output) {
		connection_close(connection, CLOSE_SLOW);
		return;
	}
	if (output_is_taken(connection) &&
		wire_encode(&service->wire, size, (enum wire_end)session->end, &envelope) == 0)
		send_parts(connection, &envelope, NULL, &part, 1);
}

static void
send_notice(struct connection *connection, enum pf_notice which)
{
	struct session *session = container_of(connection, struct session, connection);
	char buffer[PF_NOTICE_MAX];
	ptrdiff_t size =
		notice_write(session_service(session), which, (struct pf_span){ 0 }, buffer);

	if (size >= 0)
		session_send(session, buffer, (size_t)size);
}

static void
session_heartbeat(struct connection *connection)
{
	send_notice(connection, PF_NOTICE_HEARTBEAT);
}

static void
session_goodbye(struct connection *connection)
{
	send_notice(connection, PF_NOTICE_GOODBYE);
}

static void
run_now(struct session *session, struct request *request)
{
	const bool measured = request->framed_us > 0;

	request->send = send_now;
	if (unlikely(measured))
		request->begun_us = clock_monotonic_us();
	connection_hold(&session->connection);
	request_run(request);
	connection_release(&session->connection);
	if (unlikely(measured))
		request->ended_us = clock_monotonic_us();
}

/* What was lent of reserved memory has to go before that does. */
static void
end_inline(struct session *session, struct request *request)
{
	report(session, request);
	if (request->verdict == PF_CLOSE)
		connection_finish(&session->connection, CLOSE_MODULE);
	if (unlikely(request->reply.blocks != NULL))
		output_flush(&session->connection);
	dispatch_free(&session_sessions(session)->dispatch, request);
}

static void
fail(struct session *session, struct request *request)
{
	session->connection.failed = true;
	pipeline_disown(session_sessions(session), request);
}

/* Nothing is under way, so it can be handled and answered at once. */
static void
handle_now(struct session *session, struct request *request)
{
	run_now(session, request);
	if (likely(!request->kept))
		end_inline(session, request);
	else if (pipeline_add(session, request) == 0)
		pipeline_handled(session, request);
	else
		fail(session, request);
}

/* What one call of session_input works on. */
struct intake {
	struct span left;        /* input that is not taken yet */
	struct payload *payload; /* where that is, once it has to last; NULL: where it came */
};

/* Moves what is left of the input, and the message at its front, to where it can stay. */
static int
make_last(struct intake *intake, struct span *message)
{
	size_t offset = (size_t)(message->data - intake->left.data);

	if (intake->payload != NULL)
		return 0;
	intake->payload = payload_make(intake->left);
	if (intake->payload == NULL)
		return -1;
	intake->left.data = intake->payload->data;
	message->data = intake->left.data + offset;
	return 0;
}

static struct request *
make_request(struct session *session, struct span message)
{
	struct sessions *sessions = session_sessions(session);
	struct service *service = session_service(session);
	struct request *request = dispatch_request(&sessions->dispatch, service);
	const int64_t timeout_ms = service->config->request_timeout_ms;

	if (unlikely(request == NULL))
		return NULL;
	request->public.connection = &session->public;
	request->public.message = (struct pf_span){ message.data, message.size };
	request->public.number = ++session->requests;
	request->connection = session->public.id;
	request->end = session->end;
	request->send = request_record;
	if (timeout_ms > 0)
		request->public.deadline_ms = loop_now(sessions->network->loop) + timeout_ms;
	if (unlikely(request_log_is_on(&sessions->request_log)))
		request->framed_us = clock_monotonic_us();
	return request;
}

/* It has to wait, for its turn or for a thread. */
static void
enqueue(struct session *session, struct request *request, struct intake *intake,
	struct span message)
{
	if (make_last(intake, &message) != 0) {
		fail(session, request);
		return;
	}
	request->public.message.data = message.data;
	request->payload = intake->payload;
	payload_ref(request->payload);
	if (pipeline_add(session, request) != 0)
		fail(session, request);
}

static void
take_message(struct session *session, struct intake *intake, const struct wire_frame *frame)
{
	struct span message = wire_message(frame);
	struct request *request = make_request(session, message);

	if (unlikely(request == NULL)) {
		session->connection.failed = true;
	} else if (likely(pipeline_is_clear(session))) {
		request_route(request);
		if (likely(request->is_inline))
			handle_now(session, request);
		else
			enqueue(session, request, intake, message);
	} else {
		enqueue(session, request, intake, message);
	}
	intake->left = span_after(intake->left, frame->size);
}

/* At the client's end of file, what is no whole frame may be a message all the same. */
static enum wire_status
decode(struct session *session, struct span input, struct wire_frame *frame)
{
	const struct wire *wire = &session_service(session)->wire;
	enum wire_status status = wire_decode(wire, input, session->searched, frame);

	if (likely(status == WIRE_FRAME))
		session->end = (uint8_t)frame->end;
	else if (status == WIRE_MORE && session->connection.eof)
		status = wire_finish(wire, input, frame);
	session->searched = status == WIRE_MORE ? (uint32_t)frame->searched : 0;
	return status;
}

/* Takes messages as long as there are any and the connection is fed. Returns whether it is over. */
static bool
take_messages(struct session *session, struct intake *intake)
{
	struct connection *connection = &session->connection;
	struct wire_frame frame;

	while (intake->left.size > 0 && flow_is_on(connection)) {
		switch (decode(session, intake->left, &frame)) {
		case WIRE_FRAME:
			take_message(session, intake, &frame);
			break;
		case WIRE_MORE:
			connection_need(connection, frame.size);
			return true;
		case WIRE_ERROR:
			log_protocol_error(session, &frame);
			connection_finish(connection, CLOSE_PROTOCOL);
			break;
		}
	}
	return false;
}

static size_t
session_input(struct connection *connection, struct span input)
{
	struct session *session = container_of(connection, struct session, connection);
	struct intake intake = { .left = input };
	bool over;

	do {
		over = take_messages(session, &intake);
		pipeline_advance(session);
	} while (!over && intake.left.size > 0 && flow_is_on(connection));

	if (unlikely(intake.payload != NULL)) {
		output_flush(connection); /* replies may point into it */
		payload_unref(&intake.payload);
	}
	return input.size - intake.left.size;
}

void
session_advance(struct session *session)
{
	struct connection *connection = &session->connection;
	const bool was_paused = connection->paused != 0;

	pipeline_advance(session);
	if (was_paused)
		flow_resume(connection);
	connection_settle(connection);
}

static bool
session_closed(struct connection *connection, enum close_reason reason)
{
	struct session *session = container_of(connection, struct session, connection);
	const struct service *service = session_service(session);

	if (!pipeline_abandon(session))
		return false;
	if (service->module.closed != NULL)
		service->module.closed(&session->public);
	log_debug("connection closed", log_str("reason", close_reason_text(reason)),
		log_str("service", service->config->name), log_id("connection", connection->id),
		log_uint("requests", session->requests));
	connection_forget(connection);
	free(session);
	return true;
}

const struct connection_ops session_ops = {
	.input = session_input,
	.closed = session_closed,
	.heartbeat = session_heartbeat,
	.goodbye = session_goodbye,
};

static void
log_opened(const struct session *session)
{
	char text[ADDRESS_TEXT_MAX];

	address_print_peer(session->connection.fd, text);
	log_debug("connection opened", log_str("service", session_service(session)->config->name),
		log_str("peer", text), log_id("connection", session->connection.id));
}

static void
announce(struct session *session)
{
	const struct pf_module *module = &session_service(session)->module;
	struct connection *connection = &session->connection;

	session->public.id = connection->id;
	if (log_enabled(LOG_LEVEL_DEBUG))
		log_opened(session);
	if (module->opened != NULL && module->opened(&session->public) == PF_CLOSE)
		connection_finish(connection, CLOSE_MODULE);
}

void
session_open(struct network *network, int fd, struct admission_place place, struct service *service)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session != NULL) {
		session->public.service = &service->public;
		if (connection_open(&session->connection, network, fd, place, service->config) ==
			0) {
			announce(session);
			connection_settle(&session->connection);
			return;
		}
		free(session);
	}
	if (log_limit_pass(&network->refusal_limits[REFUSAL_NO_MEMORY], loop_now(network->loop)))
		log_warn("connection refused", log_str("reason", refusal_text(REFUSAL_NO_MEMORY)),
			log_str("service", service->config->name));
	close(fd);
	admission_release(network->segment, place);
}
