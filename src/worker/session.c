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

static int
send_reply(struct request *request, const struct pf_span *parts, size_t count)
{
	struct session *session = container_of(request->public.connection, struct session, public);
	struct connection *connection = &session->connection;
	const struct pf_span *message = &request->public.message;
	char prefix[WIRE_PREFIX_MAX];
	size_t size = 0;
	int prefix_size;

	if (!output_is_taken(connection))
		return PF_E_CLOSED;
	for (size_t i = 0; i < count; i++)
		size += parts[i].size;
	prefix_size = wire_prefix(&session->service->wire, size, prefix);
	if (prefix_size < 0) {
		log_too_big(session, size);
		return PF_E_TOO_BIG;
	}
	output_send_copy(connection, prefix, (size_t)prefix_size);
	for (size_t i = 0; i < count; i++) {
		const char *data = parts[i].data;
		uintptr_t offset = (uintptr_t)data - (uintptr_t)message->data;

		if (offset < message->size && parts[i].size <= message->size - offset)
			output_send_lent(connection, data, parts[i].size);
		else
			output_send_copy(connection, data, parts[i].size);
	}
	return PF_OK;
}

static void
handle_message(struct session *session, struct span payload)
{
	struct request request = {
		.public = {
			.connection = &session->public,
			.message = { payload.data, payload.size },
		},
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

static size_t
session_input(struct connection *connection, struct span input)
{
	struct session *session = container_of(connection, struct session, connection);
	const struct wire *wire = &session->service->wire;
	struct span left = input;
	struct wire_frame frame;

	while (left.size > 0 && connection_is_fed(connection)) {
		switch (wire_decode(wire, left, &frame)) {
		case WIRE_FRAME:
			left = span_after(left, frame.size);
			handle_message(session, frame.payload);
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
