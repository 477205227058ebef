#include <config.h>

#include "process/record.h"

#include <stdlib.h>
#include <string.h>

enum {
	ROOM_MIN = 4096,
	FIELD_CRITICAL = 1, /* flag of a field */
};

struct field_head {
	uint16_t tag;
	uint16_t flags;
	uint32_t size;
};

void
record_reset(struct record *record)
{
	record->size = 0;
	record->failed = false;
}

void
record_free(struct record *record)
{
	free(record->data);
	*record = (struct record){ 0 };
}

static int
grow(struct record *record, size_t size)
{
	size_t room = record->room > 0 ? record->room : ROOM_MIN;
	char *data;

	while (room - record->size < size)
		room *= 2;
	if (room == record->room)
		return 0;
	data = realloc(record->data, room);
	if (data == NULL)
		return -1;
	record->data = data;
	record->room = room;
	return 0;
}

char *
record_reserve(struct record *record, unsigned tag, bool critical, size_t size)
{
	const struct field_head head = {
		.tag = (uint16_t)tag,
		.flags = critical ? FIELD_CRITICAL : 0,
		.size = (uint32_t)size,
	};
	char *value;

	if (record->failed || size > UINT32_MAX / 2 || grow(record, sizeof(head) + size) != 0) {
		record->failed = true;
		return NULL;
	}
	memcpy(record->data + record->size, &head, sizeof(head));
	value = record->data + record->size + sizeof(head);
	record->size += sizeof(head) + size;
	return value;
}

void
record_shrink(struct record *record, size_t before, size_t after)
{
	const uint32_t size = (uint32_t)after;

	memcpy(record->data + record->size - before - sizeof(size), &size, sizeof(size));
	record->size -= before - after;
}

void
record_put(struct record *record, unsigned tag, bool critical, const void *value, size_t size)
{
	char *place = record_reserve(record, tag, critical, size);

	if (place != NULL && size > 0)
		memcpy(place, value, size);
}

void
record_put_number(struct record *record, unsigned tag, bool critical, uint64_t number)
{
	record_put(record, tag, critical, &number, sizeof(number));
}

struct record_head
record_head_of(const struct record *record, uint64_t id)
{
	return (struct record_head){
		.magic = RECORD_MAGIC,
		.version = RECORD_VERSION,
		.size = (uint32_t)record->size,
		.id = id,
	};
}

bool
record_head_is_known(const struct record_head *head)
{
	return head->magic == RECORD_MAGIC && head->version == RECORD_VERSION;
}

/* Takes the next field from the front of FIELDS. Returns 0, or -1 if what stands there is none. */
static int
next(struct span *fields, struct field_head *head, struct record_field *field)
{
	if (fields->size < sizeof(*head))
		return -1;
	memcpy(head, fields->data, sizeof(*head));
	*fields = span_after(*fields, sizeof(*head));
	if (head->size > fields->size)
		return -1;
	*field = (struct record_field){ fields->data, head->size };
	*fields = span_after(*fields, head->size);
	return 0;
}

int
record_parse(struct span fields, struct record_field *table, size_t count)
{
	struct field_head head;
	struct record_field field;

	memset(table, 0, count * sizeof(table[0]));
	while (fields.size > 0) {
		if (next(&fields, &head, &field) != 0)
			return -1;
		if (head.tag < count && table[head.tag].data == NULL)
			table[head.tag] = field;
		else if (head.tag < count || (head.flags & FIELD_CRITICAL) != 0)
			return -1; /* twice, or not to be skipped */
	}
	return 0;
}

uint64_t
record_number(const struct record_field *field, uint64_t fallback)
{
	uint64_t number;

	if (field->data == NULL || field->size != sizeof(number))
		return fallback;
	memcpy(&number, field->data, sizeof(number));
	return number;
}
