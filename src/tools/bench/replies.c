#include <config.h>

#include "tools/bench/replies.h"

#include <string.h>
#include <sys/param.h>

/*
 * Compares SIZE bytes at DATA with those of the request that stand OFFSET bytes behind its start:
 * what is beyond its end differs by its length.
 */
static bool
matches(const struct span request, size_t offset, const char *data, size_t size)
{
	if (offset >= request.size)
		return true;
	return memcmp(request.data + offset, data, MIN(size, request.size - offset)) == 0;
}

/* A reply is whole. Returns what is to be said of it; REPLIES_MORE: it is good. */
static inline enum replies_status
finish_reply(struct replies *replies, const struct replies_rules *rules, bool misfits, bool differs)
{
	replies->next = replies->next + 1 == rules->payload->count ? 0 : replies->next + 1;
	if (unlikely(misfits))
		return REPLIES_LENGTH;
	return unlikely(differs) ? REPLIES_CONTENT : REPLIES_MORE;
}

static inline bool
has_other_length(const struct replies *replies, const struct replies_rules *rules, size_t size)
{
	return rules->check != REPLIES_CHECK_NONE &&
		size != payload_frame(rules->payload, replies->next).size;
}

static inline bool
has_other_content(const struct replies *replies, const struct replies_rules *rules, size_t offset,
	const char *data, size_t size)
{
	return rules->check == REPLIES_CHECK_CONTENT &&
		!matches(payload_frame(rules->payload, replies->next), offset, data, size);
}

/* Steps over what has come of the rest of a reply. */
static enum replies_status
skip_rest(struct replies *replies, const struct replies_rules *rules, struct span *input)
{
	size_t size = MIN(replies->skip, input->size);

	if (has_other_content(replies, rules, replies->seen, input->data, size))
		replies->differs = true;
	replies->seen += size;
	replies->skip -= size;
	*input = span_after(*input, size);
	if (replies->skip > 0)
		return REPLIES_MORE;
	return finish_reply(replies, rules, replies->misfits, replies->differs);
}

/*
 * A frame has begun. If what has come of it holds its whole length, its rest is skipped as it
 * comes: it need not be kept.
 */
static void
begin_rest(struct replies *replies, const struct replies_rules *rules,
	const struct wire_frame *frame, struct span *input)
{
	const struct wire *wire = rules->wire;

	replies->searched = frame->searched;
	if (wire->codec != wire_codec_of(WIRE_LENGTH) ||
		frame->size <= wire->length_offset + WIRE_FIELD_MAX)
		return;
	replies->misfits = has_other_length(replies, rules, frame->size);
	replies->differs = has_other_content(replies, rules, 0, input->data, input->size);
	replies->seen = input->size;
	replies->skip = frame->size - input->size;
	replies->searched = 0;
	*input = span_after(*input, input->size);
}

/* Takes one reply; *WHOLE says whether it has ended. */
static inline enum replies_status
take_one(
	struct replies *replies, const struct replies_rules *rules, struct span *input, bool *whole)
{
	struct wire_frame frame;
	struct span reply = *input;

	switch (wire_decode(rules->wire, reply, replies->searched, &frame)) {
	case WIRE_FRAME:
		break;
	case WIRE_MORE:
		*whole = false;
		begin_rest(replies, rules, &frame, input);
		return REPLIES_MORE;
	case WIRE_ERROR:
		return REPLIES_FRAME;
	}
	replies->searched = 0;
	*input = span_after(reply, frame.size);
	return finish_reply(replies, rules, has_other_length(replies, rules, frame.size),
		has_other_content(replies, rules, 0, reply.data, frame.size));
}

enum replies_status
replies_take(struct replies *replies, const struct replies_rules *rules, struct span *input,
	uint32_t most, uint32_t *good)
{
	enum replies_status status = REPLIES_MORE;
	bool whole = true;

	*good = 0;
	while (status == REPLIES_MORE && whole && input->size > 0) {
		if (unlikely(*good == most))
			return REPLIES_FRAME;
		if (replies->skip > 0) {
			status = skip_rest(replies, rules, input);
			whole = replies->skip == 0;
		} else {
			status = take_one(replies, rules, input, &whole);
		}
		if (whole && status == REPLIES_MORE)
			(*good)++;
	}
	return status;
}
