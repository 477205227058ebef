#include <config.h>

#include "worker/session.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"
#include "dispatch/notice.h"
#include "dispatch/spans.h"
#include "net/count.h"
#include "net/flow.h"
#include "net/output.h"
#include "worker/intake.h"
#include "worker/pipeline.h"

/*
 * Tens of thousands of idle connections are cheap as long as this stays so: with what stands for it
 * in the table of connections and in that of addresses, and without its event, which is libevent's.
 */
static_assert(sizeof(struct session) - sizeof(struct event) + sizeof(struct connection_chain) +
			sizeof(uint64_t) <=
		256,
	"a small idle connection");

static void
log_too_big(const struct session *session, const struct request *request)
{
	static const char message[] = "the module's reply is too big for the framing";
	struct network *network = session->connection.network;

	if (log_limit_pass(&network->too_big_limit, loop_now(network->loop), message, NULL))
		log_warn(message, log_uint("size", request->reply.size),
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
		(!spans_are_within(&lasts->public.message, part.data, part.size) &&
			!reply_has(&lasts->reply, part.data, part.size)))
		output_send_copy(connection, part.data, part.size);
	else
		output_send_lent(connection, part.data, part.size);
}

/* Puts a small message of SIZE bytes together where it is gathered. Returns whether that was so. */
static bool
send_small(struct connection *connection, const struct wire_envelope *envelope, size_t size,
	const struct pf_span *parts, size_t count)
{
	char *begin, *end;

	if (size > OUTPUT_COPY_MAX || envelope->head > 0)
		return false;
	begin = output_room(connection, sizeof(envelope->prefix) + size + envelope->suffix.size);
	if (begin == NULL)
		return false;
	memcpy(begin, envelope->prefix, sizeof(envelope->prefix));
	end = spans_copy(begin + envelope->prefix_size, parts, count);
	if (envelope->suffix.size > 0)
		end = mempcpy(end, envelope->suffix.data, envelope->suffix.size);
	output_filled(connection, (size_t)(end - begin));
	return true;
}

static void
send_large(struct connection *connection, const struct wire_envelope *envelope,
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

static inline void
send_parts(struct connection *connection, const struct wire_envelope *envelope,
	const struct request *lasts, size_t size, const struct pf_span *parts, size_t count)
{
	if (unlikely(!send_small(connection, envelope, size, parts, count)))
		send_large(connection, envelope, lasts, parts, count);
}

int
session_send_now(struct request *request, const struct pf_span *parts, size_t count)
{
	struct session *session = container_of(request->public.connection, struct session, public);
	struct connection *connection = &session->connection;
	struct reply *reply = &request->reply;
	struct wire_envelope envelope;

	reply->size = spans_size(parts, count);
	if (!output_is_taken(connection)) {
		request->result = REQUEST_CLOSED;
		return PF_E_CLOSED;
	}
	if (wire_encode(&request->service->wire, reply->size, (enum wire_end)request->end,
		    &envelope) != 0) {
		request->result = REQUEST_TOO_BIG;
		return PF_E_TOO_BIG;
	}
	request->result = REQUEST_OK;
	send_parts(connection, &envelope, request, reply->size, parts, count);
	return PF_OK;
}

void
session_say(struct session *session, const struct request *request)
{
	struct sessions *sessions = session_sessions(session);

	if (request->result == REQUEST_TOO_BIG)
		log_too_big(session, request);
	if (sessions->reporter.on)
		reporter_end(&sessions->reporter, request, (enum request_result)request->result,
			request->answered ? request->reply.size : 0, session->connection.fd,
			loop_now(sessions->network->loop));
}

void
session_deliver(struct session *session, struct request *request)
{
	struct connection *connection = &session->connection;
	const struct reply *reply = &request->reply;
	struct wire_envelope envelope;

	if (unlikely(!output_is_taken(connection)))
		request->result = REQUEST_CLOSED;
	else if (request->answered &&
		wire_encode(&request->service->wire, reply->size, (enum wire_end)request->end,
			&envelope) == 0)
		send_parts(connection, &envelope, request, reply->size, reply->parts, reply->count);
	session_report(session, request);
}

void
session_send(struct session *session, const char *data, size_t size)
{
	struct connection *connection = &session->connection;
	const struct service *service = session_service(session);
	const struct pf_span part = { data, size };
	struct wire_envelope envelope;

	if (output_is_taken(connection) &&
		wire_encode(&service->wire, size, (enum wire_end)session->end, &envelope) == 0)
		send_parts(connection, &envelope, NULL, size, &part, 1);
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
on_heartbeat(struct connection *connection)
{
	send_notice(connection, PF_NOTICE_HEARTBEAT);
}

static void
on_goodbye(struct connection *connection)
{
	send_notice(connection, PF_NOTICE_GOODBYE);
}

static size_t
on_input(struct connection *connection, struct span input)
{
	return intake_run(container_of(connection, struct session, connection), input);
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

static void
tell_module(struct session *session, enum close_reason reason)
{
	const struct pf_module *module = &session_service(session)->module;

	if (reason == CLOSE_DECLINED)
		return; /* it has not heard of it */
	if (reason == CLOSE_MOVED || reason == CLOSE_UNTOLD) {
		if (module->moved != NULL)
			module->moved(&session->public);
	} else if (module->closed != NULL) {
		module->closed(&session->public);
	}
}

static bool
on_closed(struct connection *connection, enum close_reason reason)
{
	struct session *session = container_of(connection, struct session, connection);
	const struct service *service = session_service(session);

	if (!pipeline_abandon(session))
		return false;
	tell_module(session, reason);
	log_debug("connection closed", log_str("reason", close_reason_text(reason)),
		log_str("service", service->config->name), log_id("connection", connection->id),
		log_uint("requests", session->requests));
	connection_forget(connection);
	free(session);
	return true;
}

const struct connection_ops session_ops = {
	.input = on_input,
	.closed = on_closed,
	.heartbeat = on_heartbeat,
	.goodbye = on_goodbye,
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
			connection_count(&session->connection, COUNTER_ACCEPTED, 1);
			announce(session);
			connection_settle(&session->connection);
			return;
		}
		free(session);
	}
	if (network_may_log_refusal(network, REFUSAL_NO_MEMORY))
		log_warn("connection refused", log_str("reason", refusal_text(REFUSAL_NO_MEMORY)),
			log_str("service", service->config->name));
	counters_add(network->segment, service->id, COUNTER_REFUSED + REFUSAL_NO_MEMORY, 1);
	close(fd);
	admission_release(network->segment, place);
}
