/*
 * Protocol Buffers: the kinds of fields that traces, and answers to them, are made of.
 * libprotobuf-c would need its compiler at build time, its library at run time, and dozens of
 * allocations a span, for what is less code than filling its structures; an official decoder reads
 * in tests what this writes.
 */
#ifndef ADMIN_PROTOBUF_H
#define ADMIN_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {
	uint8_t *data; /* ROOM bytes, the caller's */
	size_t room, size;
	bool full; /* something did not fit: what was written is no message */
};

void protobuf_integer(struct protobuf *out, unsigned field, uint64_t value);
void protobuf_fixed64(struct protobuf *out, unsigned field, uint64_t value);
void protobuf_fixed32(struct protobuf *out, unsigned field, uint32_t value);
void protobuf_bytes(struct protobuf *out, unsigned field, const void *data, size_t size);
void protobuf_string(struct protobuf *out, unsigned field, const char *text);

/* Between the two, what is written is a message in FIELD. Returns what protobuf_close wants. */
size_t protobuf_open(struct protobuf *out, unsigned field);
void protobuf_close(struct protobuf *out, size_t opened);

/*
 * Reads from the message of SIZE bytes at DATA, whatever those are: the integer in FIELD, or 0; or
 * the bytes in it, and how many, or NULL.
 */
uint64_t protobuf_find_integer(const uint8_t *data, size_t size, unsigned field);
const uint8_t *protobuf_find_bytes(
	const uint8_t *data, size_t size, unsigned field, size_t *found_size);

#endif
