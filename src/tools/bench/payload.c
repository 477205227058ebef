#include <config.h>

#include "tools/bench/payload.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

enum {
	BLOCK_MAX = 16 << 20, /* bytes to aim at */
	VARIED = 1024,        /* frames, if sizes vary */
};

/* How many frames to make. */
static size_t
choose_count(const struct sizes *sizes, size_t at_once)
{
	size_t typical = sizes->kind == SIZES_EXPONENTIAL ? (size_t)sizes->mean
							  : (sizes->least + sizes->most) / 2;
	size_t wanted = at_once;

	if (sizes->kind == SIZES_LIST)
		return sizes->count;
	if (sizes->kind != SIZES_FIXED)
		wanted = MAX(wanted, VARIED);
	return MAX(1, MIN(wanted, BLOCK_MAX / (typical + WIRE_FIELD_MAX)));
}

/* Text without an end of a line that is another at each place, so that a mix-up shows. */
static void
fill_message(char *at, size_t size, size_t number)
{
	static const char letters[64] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint64_t state = (number + 1) * 0x9e3779b97f4a7c15U;

	for (size_t i = 0; i < size; i++) {
		state = state * 6364136223846793005U + 1442695040888963407U;
		at[i] = letters[state >> 58];
	}
}

/* Writes the frame of a message of SIZE bytes to AT, which has room for it. Returns its end. */
static char *
put_frame(char *at, size_t size, const struct wire_envelope *envelope, size_t number)
{
	fill_message(at, envelope->head, number);
	at += envelope->head;
	memcpy(at, envelope->prefix, envelope->prefix_size);
	at += envelope->prefix_size;
	fill_message(at, size - envelope->head, number);
	at += size - envelope->head;
	if (envelope->suffix.size > 0)
		memcpy(at, envelope->suffix.data, envelope->suffix.size);
	return at + envelope->suffix.size;
}

static int
add_frame(struct payload *payload, size_t *room, size_t size, const struct framing *framing,
	struct error *error)
{
	size_t start = payload->starts[payload->count];
	size_t end = start + size + WIRE_FIELD_MAX;
	struct wire_envelope envelope = { 0 };
	char *grown;

	if (wire_encode(&framing->wire, size, framing->end_of_line, &envelope) != 0)
		return error_set(error, "the framing cannot carry messages of %zu bytes", size);
	if (end > *room) {
		grown = realloc(payload->block, MAX(end, *room * 2));
		if (grown == NULL)
			return error_errno(error, "cannot hold the messages");
		payload->block = grown;
		*room = MAX(end, *room * 2);
	}
	end = (size_t)(put_frame(payload->block + start, size, &envelope, payload->count) -
		payload->block);
	payload->starts[++payload->count] = end;
	return 0;
}

int
payload_make(struct payload *payload, struct sizes *sizes, const struct framing *framing,
	size_t at_once, struct error *error)
{
	size_t count = choose_count(sizes, at_once), room = 0;
	int failed = 0;

	*payload = (struct payload){ .starts = calloc(count + 1, sizeof(payload->starts[0])) };
	if (payload->starts == NULL)
		return error_errno(error, "cannot hold the messages");
	while (failed == 0 && payload->count < count)
		failed = add_frame(
			payload, &room, sizes_next(sizes, payload->count), framing, error);
	return failed;
}

void
payload_free(struct payload *payload)
{
	free(payload->block);
	free(payload->starts);
	*payload = (struct payload){ 0 };
}
