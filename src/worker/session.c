#include <config.h>

#include "worker/session.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"
#include "dispatch/dispatch.h"
#include "net/output.h"

struct session {
	struct connection connection;
	struct pf_connection public; /* what the module sees */
	struct service *service;
	uint64_t requests; /* taken so far: the number of the last one */
	uint32_t searched; /* bytes of the message begun that the codec needs to see no more */
	uint8_t end;       /* enum wire_end: of the last line that had one */
};

/* Tens of thousands of idle connections are cheap as long as this stays so. */
static_assert(sizeof(struct session) - sizeof(struct event) <= 256, "a small idle connection");

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
		log_str("service", session->service->config->name), log_str("peer", text),
		log_id("connection", connection->id), log_uint("request", session->requests + 1));
}

static void
log_too_big(const struct session *session, size_t size)
{
	struct network *network = session->connection.network;

	if (log_limit_pass(&network->protocol_limit, loop_now(network->loop)))
		log_warn("the module's reply is too big for the framing", log_uint("size", size),
			log_str("service", session->service->config->name),
			log_id("connection", session->connection.id),
			log_uint("request", session->requests));
}

/* What lies within the message is lent: it lives until the flush. */
static void
send_part(struct connection *connection, const struct pf_span *message, struct span part)
{
	uintptr_t offset = (uintptr_t)part.data - (uintptr_t)message->data;

	if (offset < message->size && part.size <= message->size - offset)
		output_send_lent(connection, part.data, part.size);
	else
		output_send_copy(connection, part.data, part.size);
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

static int
send_reply(struct request *request, const struct pf_span *parts, size_t count)
{
	struct session *session = container_of(request->public.connection, struct session, public);
	struct connection *connection = &session->connection;
	struct wire_envelope envelope;
	size_t size = 0, head;

	if (!output_is_taken(connection))
		return PF_E_CLOSED;
	for (size_t i = 0; i < count; i++)
		size += parts[i].size;
	if (wire_encode(&session->service->wire, size, request->end, &envelope) != 0) {
		log_too_big(session, size);
		return PF_E_TOO_BIG;
	}
	head = envelope.head;
	if (likely(head == 0))
		output_send_copy(connection, envelope.prefix, envelope.prefix_size);
	for (size_t i = 0; i < count; i++) {
		struct span part = { parts[i].data, parts[i].size };

		if (unlikely(head > 0))
			part = send_head(connection, part, &head, &envelope);
		send_part(connection, &request->public.message, part);
	}
	output_send_copy(connection, envelope.suffix.data, envelope.suffix.size);
	return PF_OK;
}

static void
handle_message(struct session *session, const struct wire_frame *frame)
{
	struct span message = wire_message(frame);
	struct request request = {
		.public = {
			.connection = &session->public,
			.message = { message.data, message.size },
		},
		.end = (enum wire_end)session->end,
		.send = send_reply,
	};
	enum pf_verdict verdict;

	session->requests++;
	connection_hold(&session->connection);
	verdict = dispatch_message(session->service, &request);
	connection_release(&session->connection);
	if (verdict == PF_CLOSE)
		connection_finish(&session->connection, CLOSE_MODULE);
}

/* At the client's end of file, what is no whole frame may be a message all the same. */
static enum wire_status
decode(struct session *session, struct span input, struct wire_frame *frame)
{
	const struct wire *wire = &session->service->wire;
	enum wire_status status = wire_decode(wire, input, session->searched, frame);

	if (likely(status == WIRE_FRAME))
		session->end = (uint8_t)frame->end;
	else if (status == WIRE_MORE && session->connection.eof)
		status = wire_finish(wire, input, frame);
	session->searched = status == WIRE_MORE ? (uint32_t)frame->searched : 0;
	return status;
}

static size_t
session_input(struct connection *connection, struct span input)
{
	struct session *session = container_of(connection, struct session, connection);
	struct span left = input;
	struct wire_frame frame;

	while (left.size > 0 && connection_is_fed(connection)) {
		switch (decode(session, left, &frame)) {
		case WIRE_FRAME:
			left = span_after(left, frame.size);
			handle_message(session, &frame);
			break;
		case WIRE_MORE:
			connection_need(connection, frame.size);
			return input.size - left.size;
		case WIRE_ERROR:
			log_protocol_error(session, &frame);
			connection_finish(connection, CLOSE_PROTOCOL);
			break;
		}
	}
	return input.size - left.size;
}

static void
session_closed(struct connection *connection, enum close_reason reason)
{
	struct session *session = container_of(connection, struct session, connection);

	if (session->service->module.closed != NULL)
		session->service->module.closed(&session->public);
	log_debug("connection closed", log_str("reason", close_reason_text(reason)),
		log_str("service", session->service->config->name),
		log_id("connection", connection->id), log_uint("requests", session->requests));
	free(session);
}

static const struct connection_ops session_ops = {
	.input = session_input,
	.closed = session_closed,
};

static void
log_opened(const struct session *session)
{
	char text[ADDRESS_TEXT_MAX];

	address_print_peer(session->connection.fd, text);
	log_debug("connection opened", log_str("service", session->service->config->name),
		log_str("peer", text), log_id("connection", session->connection.id));
}

static void
announce(struct session *session)
{
	const struct pf_module *module = &session->service->module;
	struct connection *connection = &session->connection;

	session->public.id = connection->id;
	session->public.service = &session->service->public;
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
		session->service = service;
		if (connection_open(&session->connection, network, fd, place, service->config,
			    &session_ops) == 0) {
			announce(session);
			connection_settle(&session->connection);
			return;
		}
		free(session);
	}
	if (log_limit_pass(&network->refused_limit, loop_now(network->loop)))
		log_warn("connection refused", log_str("reason", "no memory"),
			log_str("service", service->config->name));
	close(fd);
	admission_release(network->segment, place);
}
