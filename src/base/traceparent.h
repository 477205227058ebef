/*
 * What a client says of the trace that its request belongs to, as W3C Trace Context has it:
 * "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".
 */
#ifndef BASE_TRACEPARENT_H
#define BASE_TRACEPARENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	TRACE_ID_SIZE = 16,
	SPAN_ID_SIZE = 8,
	TRACEPARENT_SIZE = 55, /* bytes of one as text, without an end */
};

struct traceparent {
	uint8_t trace[TRACE_ID_SIZE];
	uint8_t span[SPAN_ID_SIZE];
	bool sampled;
};

/* Reads SIZE bytes of TEXT, whatever they are. Returns 0, or -1 if that is none. */
PF_MUST_CHECK int traceparent_parse(struct traceparent *parent, const char *text, size_t size);

/* Writes it, with an end. */
void traceparent_print(const struct traceparent *parent, char text[static TRACEPARENT_SIZE + 1]);

/* Writes SIZE bytes as twice as many digits, with an end. */
void traceparent_print_id(const uint8_t *id, size_t size, char *text);

#endif
