#include <config.h>

#include "base/traceparent.h"

#include <string.h>

enum {
	TRACE_AT = 3, /* version, trace, span, flags, with dashes between them */
	SPAN_AT = 36,
	FLAGS_AT = 53,
	SAMPLED = 1, /* of the flags */
};

static const char digits[] = "0123456789abcdef";

/* Capitals are no digits here. */
static int
digit(char byte)
{
	const char *at = byte != '\0' ? strchr(digits, byte) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

static int
read_bytes(uint8_t *bytes, size_t size, const char *text)
{
	for (size_t i = 0; i < size; i++) {
		const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static bool
is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/* Later versions may say more behind one more dash. */
static bool
is_long_enough(uint8_t version, const char *text, size_t size)
{
	return size == TRACEPARENT_SIZE || (version > 0 && text[TRACEPARENT_SIZE] == '-');
}

int
traceparent_parse(struct traceparent *parent, const char *text, size_t size)
{
	uint8_t version, flags;

	if (size < TRACEPARENT_SIZE || text[TRACE_AT - 1] != '-' || text[SPAN_AT - 1] != '-' ||
		text[FLAGS_AT - 1] != '-' || read_bytes(&version, 1, text) != 0 ||
		version == 0xff || !is_long_enough(version, text, size))
		return -1;
	if (read_bytes(parent->trace, TRACE_ID_SIZE, text + TRACE_AT) != 0 ||
		read_bytes(parent->span, SPAN_ID_SIZE, text + SPAN_AT) != 0 ||
		read_bytes(&flags, 1, text + FLAGS_AT) != 0)
		return -1;
	parent->sampled = (flags & SAMPLED) != 0;
	return is_zero(parent->trace, TRACE_ID_SIZE) || is_zero(parent->span, SPAN_ID_SIZE) ? -1
											    : 0;
}

void
traceparent_print_id(const uint8_t *id, size_t size, char *text)
{
	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[id[i] >> 4];
		text[2 * i + 1] = digits[id[i] & 0xf];
	}
	text[2 * size] = '\0';
}

void
traceparent_print(const struct traceparent *parent, char text[static TRACEPARENT_SIZE + 1])
{
	const uint8_t version = 0, flags = parent->sampled ? SAMPLED : 0;

	traceparent_print_id(&version, 1, text);
	traceparent_print_id(parent->trace, TRACE_ID_SIZE, text + TRACE_AT);
	traceparent_print_id(parent->span, SPAN_ID_SIZE, text + SPAN_AT);
	traceparent_print_id(&flags, 1, text + FLAGS_AT);
	text[TRACE_AT - 1] = text[SPAN_AT - 1] = text[FLAGS_AT - 1] = '-';
}
