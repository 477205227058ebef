#include <config.h>

#include "dispatch/reply.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch/spans.h"

struct reply_block {
	struct reply_block *next;
	size_t size;
	alignas(max_align_t) char data[];
};

void *
reply_reserve(struct reply *reply, size_t size)
{
	struct reply_block *block;

	if (size > SIZE_MAX - sizeof(*block))
		return NULL;
	block = malloc(sizeof(*block) + size);
	if (block == NULL)
		return NULL;
	block->size = size;
	block->next = reply->blocks;
	reply->blocks = block;
	return block->data;
}

bool
reply_has(const struct reply *reply, const void *data, size_t size)
{
	const struct reply_block *block = reply->blocks;

	for (; block != NULL; block = block->next) {
		struct pf_span outer = { block->data, block->size };

		if (spans_are_within(&outer, data, size))
			return true;
	}
	return false;
}

static bool
is_lasting(const struct reply *reply, const struct pf_span *message, const struct pf_span *part)
{
	return spans_are_within(message, part->data, part->size) ||
		reply_has(reply, part->data, part->size);
}

/* Puts a span behind the parts. False if there is no room for one more. */
static bool
add(struct reply *reply, const void *data, size_t size)
{
	struct pf_span *last = reply->count > 0 ? &reply->parts[reply->count - 1] : NULL;

	if (last != NULL && (const char *)last->data + last->size == data)
		last->size += size;
	else if (reply->count < REPLY_PARTS)
		reply->parts[reply->count++] = (struct pf_span){ data, size };
	else
		return false;
	return true;
}

static char *
room_for(struct reply *reply, size_t size)
{
	return size <= sizeof(reply->small) ? reply->small : reply_reserve(reply, size);
}

/* All of it as one part: what is in too many pieces is better copied. */
static int
copy_all(struct reply *reply, const struct pf_span *parts, size_t count)
{
	char *at = reply_reserve(reply, reply->size);

	if (at == NULL)
		return -1;
	spans_copy(at, parts, count);
	reply->parts[0] = (struct pf_span){ at, reply->size };
	reply->count = 1;
	return 0;
}

int
reply_fill(struct reply *reply, const struct pf_span *message, const struct pf_span *parts,
	size_t count)
{
	size_t copied = 0;
	char *at;

	reply->size = spans_size(parts, count);
	reply->count = 0;
	if (likely(count == 1 && parts[0].size > 0 && is_lasting(reply, message, parts))) {
		reply->parts[reply->count++] = parts[0];
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (!is_lasting(reply, message, &parts[i]))
			copied = spans_add(copied, parts[i].size);
	}
	at = room_for(reply, copied);
	if (at == NULL)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const void *data = parts[i].data;

		if (parts[i].size == 0)
			continue;
		if (!is_lasting(reply, message, &parts[i])) {
			data = memcpy(at, data, parts[i].size);
			at += parts[i].size;
		}
		if (!add(reply, data, parts[i].size))
			return copy_all(reply, parts, count);
	}
	return 0;
}

void
reply_clear(struct reply *reply)
{
	while (reply->blocks != NULL) {
		struct reply_block *block = reply->blocks;

		reply->blocks = block->next;
		free(block);
	}
}
