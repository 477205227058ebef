#include <config.h>

#include "worker/session_record.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/address.h"
#include "base/host.h"
#include "net/move.h"
#include "process/connection_fields.h"

enum {
	OLD_LIMIT_MAX = (1 << 24) - 1, /* KiB */
};

/* What two services must have in common, for bytes of a connection to mean the same to both. */
struct framing_field {
	uint32_t framing;
	uint32_t length_bytes;
	int64_t length_offset;
	int64_t length_adjust;
	uint32_t order;
	uint32_t allow_empty;
};

static struct framing_field
framing_of(const struct config_service *config)
{
	return (struct framing_field){
		.framing = config->framing,
		.length_bytes = config->length_bytes,
		.length_offset = config->length_offset,
		.length_adjust = config->length_adjust,
		.order = config->byte_order,
		.allow_empty = config->allow_empty,
	};
}

static void
put_text(struct record *record, unsigned tag, const char *text)
{
	record_put(record, tag, true, text, strlen(text));
}

/* Without `save`, a state of the module's own cannot go along; an older module knows of no moves.
 */
bool
session_can_move(const struct session *session)
{
	const struct pf_module *module = &session_service(session)->module;

	if (module->save != NULL)
		return true;
	return session->public.state == NULL &&
		(module->abi_minor >= 1 || (module->opened == NULL && module->closed == NULL));
}

static enum refusal_to_take
save_module(struct session *session, struct record *record)
{
	const struct pf_module *module = &session_service(session)->module;
	ptrdiff_t size;
	char *place;

	if (module->save == NULL)
		return session_can_move(session) ? TAKE_NONE : TAKE_MODULE_KEEPS;
	record_put_number(record, FIELD_SAVE_FORMAT, true, module->save_format);
	place = record_reserve(record, FIELD_MODULE_STATE, true, PF_SAVE_MAX);
	if (place == NULL)
		return TAKE_NO_MEMORY;
	size = module->save(&session->public, place, PF_SAVE_MAX);
	if (size < 0 || size > PF_SAVE_MAX)
		return TAKE_MODULE_KEEPS;
	record_shrink(record, PF_SAVE_MAX, (size_t)size);
	return TAKE_NONE;
}

enum refusal_to_take
session_save(struct session *session, struct record *record)
{
	const struct service *service = session_service(session);
	const struct framing_field framing = framing_of(service->config);
	enum refusal_to_take refusal;

	record_reset(record);
	refusal = save_module(session, record);
	if (refusal != TAKE_NONE)
		return refusal;
	put_text(record, FIELD_SERVICE, service->config->name);
	record_put(record, FIELD_FRAMING, true, &framing, sizeof(framing));
	put_text(record, FIELD_MODULE, service->module.name);
	record_put_number(record, FIELD_REQUESTS, true, session->requests);
	record_put_number(record, FIELD_LINE_END, false, session->end);
	if (session->connection.in.size > 0)
		record_put_number(record, FIELD_MAX_MESSAGE, false,
			MAX((uint64_t)service->wire.max_message,
				(uint64_t)session->old_limit * 1024));
	move_begin(&session->connection, record);
	if (!record->failed)
		return TAKE_NONE;
	move_undo(&session->connection);
	return TAKE_NO_MEMORY;
}

static bool
is_text(const struct record_field *field, const char *text)
{
	return field->data != NULL && field->size == strlen(text) &&
		memcmp(field->data, text, field->size) == 0;
}

static struct service *
find_service(struct service *services, size_t count, const struct record_field *name)
{
	for (size_t i = 0; i < count; i++) {
		if (is_text(name, services[i].config->name))
			return &services[i];
	}
	return NULL;
}

static bool
has_framing(const struct service *service, const struct record_field *field)
{
	const struct framing_field framing = framing_of(service->config);

	return field->data != NULL && field->size == sizeof(framing) &&
		memcmp(field->data, &framing, sizeof(framing)) == 0;
}

/* One that saves nothing and one that restores nothing have the same format. */
static bool
has_format(const struct service *service, const struct record_field *fields)
{
	if (service->module.save == NULL)
		return fields[FIELD_MODULE_STATE].data == NULL;
	return fields[FIELD_MODULE_STATE].data != NULL &&
		record_number(&fields[FIELD_SAVE_FORMAT], UINT64_MAX) ==
		service->module.save_format;
}

static enum refusal_to_take
check(const struct service *service, const struct record_field *fields)
{
	if (service == NULL)
		return TAKE_NO_SERVICE;
	if (!has_framing(service, &fields[FIELD_FRAMING]))
		return TAKE_FRAMING;
	if (!is_text(&fields[FIELD_MODULE], service->module.name))
		return TAKE_MODULE;
	if (!has_format(service, fields))
		return TAKE_FORMAT;
	return TAKE_NONE;
}

/* Whatever the limits say: it has its place already, in the worker that gives it. */
static struct admission_place
take_place(struct segment *segment, const struct service *service, int fd)
{
	struct address peer = { .size = sizeof(peer.storage) };
	struct admission_place place;
	struct host host;
	const bool counts = service->config->max_connections_per_ip > 0 &&
		getpeername(fd, &peer.sa, &peer.size) == 0 && host_of(&host, &peer);
	const struct admission_claim claim = {
		.service = service->id,
		.address_limit = (uint32_t)service->config->max_connections_per_ip,
		.host = counts ? &host : NULL,
	};

	admission_take_over(segment, &claim, &place);
	return place;
}

static void
restore_numbers(struct session *session, const struct record_field *fields)
{
	const uint64_t limit = record_number(&fields[FIELD_MAX_MESSAGE], 0);

	session->requests = record_number(&fields[FIELD_REQUESTS], 0);
	session->end =
		record_number(&fields[FIELD_LINE_END], WIRE_LF) == WIRE_CRLF ? WIRE_CRLF : WIRE_LF;
	if (limit > session_service(session)->wire.max_message)
		session->old_limit =
			MIN(limit / 1024 + (limit % 1024 > 0), OLD_LIMIT_MAX) & OLD_LIMIT_MAX;
}

/* Only its state: nobody has heard of it yet. */
static enum refusal_to_take
make(struct session **made, struct network *network, struct service *service, struct parcel *parcel,
	const struct record_field *fields)
{
	const struct admission_place place = take_place(network->segment, service, parcel->fd);
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL ||
		move_restore(&session->connection, network, parcel->fd, place, service->config,
			parcel->head.id, fields) != 0) {
		admission_release(network->segment, place);
		free(session);
		return TAKE_NO_MEMORY;
	}
	session->public.service = &service->public;
	session->public.id = parcel->head.id;
	restore_numbers(session, fields);
	*made = session;
	return TAKE_NONE;
}

static bool
module_takes(struct session *session, const struct record_field *state)
{
	const struct pf_module *module = &session_service(session)->module;
	const struct pf_span saved = { state->data, state->size };

	return state->data == NULL || module->restore(&session->public, saved) == 0;
}

enum refusal_to_take
session_restore(struct session **session, struct network *network, struct service *services,
	size_t count, struct parcel *parcel)
{
	struct record_field fields[FIELD__COUNT];
	struct service *service;
	enum refusal_to_take refusal;

	*session = NULL;
	if (parcel->fd < 0 || parcel->fields.data == NULL)
		return TAKE_NO_DESCRIPTOR;
	if (record_parse(parcel->fields, fields, FIELD__COUNT) != 0)
		return TAKE_JUNK;
	service = find_service(services, count, &fields[FIELD_SERVICE]);
	refusal = check(service, fields);
	if (refusal == TAKE_NONE)
		refusal = make(session, network, service, parcel, fields);
	if (refusal != TAKE_NONE)
		return refusal;
	parcel->fd = -1;
	if (module_takes(*session, &fields[FIELD_MODULE_STATE]))
		return TAKE_NONE;
	connection_close(&(*session)->connection, CLOSE_DECLINED);
	*session = NULL;
	return TAKE_REFUSED;
}
