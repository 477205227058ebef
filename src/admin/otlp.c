#include <config.h>

#include "admin/otlp.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/protobuf.h"
#include "dispatch/request_result.h"

/* Numbers of fields, from the .proto files of OpenTelemetry, where they are fixed for ever. */
enum {
	REQUEST_RESOURCE_SPANS = 1,
	RESOURCE_SPANS_RESOURCE = 1,
	RESOURCE_SPANS_SCOPE_SPANS = 2,
	RESOURCE_ATTRIBUTES = 1,
	SCOPE_SPANS_SCOPE = 1,
	SCOPE_SPANS_SPANS = 2,
	SCOPE_NAME = 1,
	SCOPE_VERSION = 2,
	SPAN_TRACE_ID = 1,
	SPAN_SPAN_ID = 2,
	SPAN_PARENT_SPAN_ID = 4,
	SPAN_NAME = 5,
	SPAN_KIND = 6,
	SPAN_START = 7,
	SPAN_END = 8,
	SPAN_ATTRIBUTES = 9,
	SPAN_STATUS = 15,
	SPAN_FLAGS = 16,
	STATUS_MESSAGE = 2,
	STATUS_CODE = 3,
	KEY_VALUE_KEY = 1,
	KEY_VALUE_VALUE = 2,
	VALUE_STRING = 1,
	VALUE_INTEGER = 3,
	RESPONSE_PARTIAL_SUCCESS = 1,
	PARTIAL_SUCCESS_REJECTED = 1,
};

/* And of values. */
enum {
	KIND_INTERNAL = 1,
	KIND_SERVER = 2,
	STATUS_ERROR = 2,
	FLAG_SAMPLED = 1,
};

/* TEXT, or if that is NULL, NUMBER. */
static void
put(struct protobuf *out, unsigned field, const char *key, const char *text, uint64_t number)
{
	const size_t attribute = protobuf_open(out, field);
	size_t value;

	protobuf_string(out, KEY_VALUE_KEY, key);
	value = protobuf_open(out, KEY_VALUE_VALUE);
	if (text != NULL)
		protobuf_string(out, VALUE_STRING, text);
	else
		protobuf_integer(out, VALUE_INTEGER, number);
	protobuf_close(out, value);
	protobuf_close(out, attribute);
}

static void
put_text(struct protobuf *out, unsigned field, const char *key, const char *text)
{
	put(out, field, key, text, 0);
}

static void
put_number(struct protobuf *out, unsigned field, const char *key, uint64_t number)
{
	put(out, field, key, NULL, number);
}

static void
put_client(struct protobuf *out, const struct span_record *record)
{
	char address[INET6_ADDRSTRLEN];

	if (record->family == 0)
		return;
	put_text(out, SPAN_ATTRIBUTES, "network.transport",
		record->family == AF_UNIX ? "unix" : "tcp");
	if (record->family == AF_UNIX ||
		inet_ntop(record->family, record->address, address, sizeof(address)) == NULL)
		return;
	put_text(
		out, SPAN_ATTRIBUTES, "network.type", record->family == AF_INET6 ? "ipv6" : "ipv4");
	put_text(out, SPAN_ATTRIBUTES, "network.peer.address", address);
	put_number(out, SPAN_ATTRIBUTES, "network.peer.port", record->port);
}

static void
put_attributes(struct protobuf *out, const struct span_record *record)
{
	char connection[2 * sizeof(record->connection) + 1];

	snprintf(connection, sizeof(connection), "%016" PRIx64, record->connection);
	put_text(out, SPAN_ATTRIBUTES, "rpc.system", "preforkd");
	put_text(out, SPAN_ATTRIBUTES, "rpc.service", record->service);
	put_text(out, SPAN_ATTRIBUTES, "rpc.method", "message");
	put_client(out, record);
	put_text(out, SPAN_ATTRIBUTES, "preforkd.connection", connection);
	put_number(out, SPAN_ATTRIBUTES, "preforkd.request", record->number);
	put_number(out, SPAN_ATTRIBUTES, "preforkd.received", record->received);
	put_number(out, SPAN_ATTRIBUTES, "preforkd.sent", record->sent);
	put_text(out, SPAN_ATTRIBUTES, "preforkd.result",
		request_result_text((enum request_result)record->result));
	put_number(out, SPAN_ATTRIBUTES, "preforkd.worker", record->worker);
	put_number(out, SPAN_ATTRIBUTES, "preforkd.generation", record->generation);
}

/* Whether the client got what it asked for is the server's fault or not; semantic conventions. */
static void
put_outcome(struct protobuf *out, const struct span_record *record)
{
	const enum request_result result = (enum request_result)record->result;
	const char *word = request_result_text(result);
	size_t status;

	if (!request_result_is_failure(result))
		return;
	put_text(out, SPAN_ATTRIBUTES, "error.type", word);
	status = protobuf_open(out, SPAN_STATUS);
	protobuf_string(out, STATUS_MESSAGE, word);
	protobuf_integer(out, STATUS_CODE, STATUS_ERROR);
	protobuf_close(out, status);
}

/* PARENT is NULL for a root. */
static size_t
open_span(struct protobuf *out, const struct otlp_item *item, const uint8_t *id,
	const uint8_t *parent, int64_t start_us, int64_t end_us)
{
	const size_t span = protobuf_open(out, SCOPE_SPANS_SPANS);

	protobuf_bytes(out, SPAN_TRACE_ID, item->record.trace, TRACE_ID_SIZE);
	protobuf_bytes(out, SPAN_SPAN_ID, id, SPAN_ID_SIZE);
	if (parent != NULL)
		protobuf_bytes(out, SPAN_PARENT_SPAN_ID, parent, SPAN_ID_SIZE);
	protobuf_fixed64(out, SPAN_START, (uint64_t)(item->epoch_ns + start_us * 1000));
	protobuf_fixed64(out, SPAN_END, (uint64_t)(item->epoch_ns + end_us * 1000));
	protobuf_fixed32(out, SPAN_FLAGS, FLAG_SAMPLED);
	return span;
}

static void
put_child(struct protobuf *out, const struct otlp_item *item, const char *name, const uint8_t *id,
	int64_t start_us, int64_t end_us)
{
	const size_t span = open_span(out, item, id, item->record.span, start_us, end_us);

	protobuf_string(out, SPAN_NAME, name);
	protobuf_integer(out, SPAN_KIND, KIND_INTERNAL);
	protobuf_close(out, span);
}

static void
put_request(struct protobuf *out, const struct otlp_item *item)
{
	const struct span_record *record = &item->record;
	char name[sizeof(record->service) + sizeof("/message")];
	const size_t span = open_span(out, item, record->span,
		record->has_parent ? record->parent : NULL, record->framed_us, record->over_us);

	snprintf(name, sizeof(name), "%s/message", record->service);
	protobuf_string(out, SPAN_NAME, name);
	protobuf_integer(out, SPAN_KIND, KIND_SERVER);
	put_attributes(out, record);
	put_outcome(out, record);
	protobuf_close(out, span);
}

static void
put_item(struct protobuf *out, const struct otlp_item *item)
{
	const struct span_record *record = &item->record;
	const bool handled = span_record_has_handler(record);

	put_request(out, item);
	if (record->pooled)
		put_child(out, item, "queue", record->queue, record->framed_us,
			handled ? record->begun_us : record->over_us);
	if (handled)
		put_child(
			out, item, "handler", record->handler, record->begun_us, record->ended_us);
}

static void
put_resource(struct protobuf *out)
{
	const size_t resource = protobuf_open(out, RESOURCE_SPANS_RESOURCE);
	char host[256];

	put_text(out, RESOURCE_ATTRIBUTES, "service.name", PACKAGE_NAME);
	put_text(out, RESOURCE_ATTRIBUTES, "service.version", PACKAGE_VERSION);
	if (gethostname(host, sizeof(host)) == 0)
		put_text(out, RESOURCE_ATTRIBUTES, "host.name", host);
	protobuf_close(out, resource);
}

static void
put_scope(struct protobuf *out)
{
	const size_t scope = protobuf_open(out, SCOPE_SPANS_SCOPE);

	protobuf_string(out, SCOPE_NAME, PACKAGE_NAME);
	protobuf_string(out, SCOPE_VERSION, PACKAGE_VERSION);
	protobuf_close(out, scope);
}

size_t
otlp_write(const struct otlp_item *const *items, size_t count, uint8_t *data, size_t room)
{
	struct protobuf out = { .data = data, .room = room };
	const size_t resource_spans = protobuf_open(&out, REQUEST_RESOURCE_SPANS);
	size_t scope_spans;

	put_resource(&out);
	scope_spans = protobuf_open(&out, RESOURCE_SPANS_SCOPE_SPANS);
	put_scope(&out);
	for (size_t i = 0; i < count; i++)
		put_item(&out, items[i]);
	protobuf_close(&out, scope_spans);
	protobuf_close(&out, resource_spans);
	return out.full ? 0 : out.size;
}

uint64_t
otlp_rejected(const uint8_t *data, size_t size)
{
	size_t inner_size;
	const uint8_t *inner =
		protobuf_find_bytes(data, size, RESPONSE_PARTIAL_SUCCESS, &inner_size);

	return inner != NULL ? protobuf_find_integer(inner, inner_size, PARTIAL_SUCCESS_REJECTED)
			     : 0;
}
