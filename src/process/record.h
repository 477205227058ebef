/*
 * A record: what one process tells another of a thing that changes hands, in fields with tags. A
 * protocol between versions of preforkd on one machine, so numbers are in its byte order:
 *
 *	head    u32 magic, u16 version, u16 flags, u32 size of the fields, u32 0, u64 id
 *	field   u16 tag, u16 flags, u32 size, SIZE bytes; the next one follows at once
 *
 * A reader skips a field that it does not know, unless that is marked critical. The id names the
 * thing, so that a record can be refused that cannot be read any further.
 */
#ifndef PROCESS_RECORD_H
#define PROCESS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

enum {
	RECORD_MAGIC = 0x70667263, /* "pfrc" */
	RECORD_VERSION = 1,
	RECORD_APART = 1, /* flag of the head: the fields are in a file that comes along */
};

struct record_head {
	uint32_t magic;
	uint16_t version;
	uint16_t flags;
	uint32_t size; /* of the fields */
	uint32_t reserved;
	uint64_t id;
};

/* Being written: fields in memory that grows. All zero: empty. */
struct record {
	char *data;
	size_t size;
	size_t room;
	bool failed; /* there was no memory for a field */
};

/* Being read; borrowed. */
struct record_field {
	const char *data; /* NULL: there is none */
	size_t size;
};

/* Empties it, and keeps its memory. */
void record_reset(struct record *record);

void record_free(struct record *record);

/* Adds a field; on failure the record says so at last. CRITICAL: who does not know it, refuses. */
void record_put(struct record *record, unsigned tag, bool critical, const void *value, size_t size);
void record_put_number(struct record *record, unsigned tag, bool critical, uint64_t number);

/*
 * Adds a field of SIZE bytes, for the caller to fill before anything else is added; record_shrink
 * makes the last one smaller. NULL without memory.
 */
char *record_reserve(struct record *record, unsigned tag, bool critical, size_t size);
void record_shrink(struct record *record, size_t before, size_t after);

/* The head of these fields. */
struct record_head record_head_of(const struct record *record, uint64_t id);

/* Whether HEAD is one that can be read here. */
bool record_head_is_known(const struct record_head *head);

/*
 * Takes FIELDS apart: TABLE, of COUNT rows, has each one at its tag, borrowed; a row without data
 * had none. Returns 0, or -1 if that is no record, or has a critical field beyond COUNT.
 */
PF_MUST_CHECK int record_parse(struct span fields, struct record_field *table, size_t count);

/* The number in FIELD, or FALLBACK if it has none. */
uint64_t record_number(const struct record_field *field, uint64_t fallback);

#endif
