#include <config.h>

#include "dispatch/letter.h"

#include <stdlib.h>
#include <string.h>

#include "dispatch/dispatch.h"
#include "dispatch/spans.h"

enum {
	LETTERS_MAX = 64 * 1024 * 1024, /* bytes that wait for the loop */
};

static void
uncount(struct dispatch *dispatch, size_t bytes)
{
	atomic_fetch_sub_explicit(&dispatch->letters, bytes, memory_order_relaxed);
}

static struct letter *
write_letter(const struct letter *head, size_t size, const struct pf_span *parts, size_t count)
{
	struct letter *letter = malloc(sizeof(*letter) + size);

	if (letter == NULL)
		return NULL;
	*letter = *head;
	letter->post.kind = POST_LETTER;
	letter->size = size;
	spans_copy(letter->data, parts, count);
	return letter;
}

struct posting {
	struct dispatch *dispatch;
	struct letter *letter;
};

static void
post(void *arg)
{
	const struct posting *posting = arg;

	completion_post(&posting->dispatch->completion, &posting->letter->post);
}

/*
 * Posted while the connection is known to be open: before it moves, whatever was posted so is
 * taken.
 */
int
letter_post(const struct service *service, const struct letter *head, const struct pf_span *parts,
	size_t count)
{
	struct dispatch *dispatch = service->dispatch;
	struct letter *letter;
	const size_t size = spans_size(parts, count);
	const size_t bytes = spans_add(sizeof(*letter), size);

	if (dispatch == NULL)
		return PF_E_CLOSED;
	if (bytes > LETTERS_MAX)
		return PF_E_TOO_BIG;
	if (atomic_fetch_add_explicit(&dispatch->letters, bytes, memory_order_relaxed) + bytes >
		LETTERS_MAX) {
		uncount(dispatch, bytes);
		return PF_E_FULL;
	}
	letter = write_letter(head, size, parts, count);
	if (letter == NULL) {
		uncount(dispatch, bytes);
		return PF_E_MEMORY;
	}
	if (dispatch->ops->if_open(dispatch->arg, service, head->connection, post,
		    &(struct posting){ dispatch, letter }))
		return PF_OK;
	letter_free(dispatch, letter);
	return PF_E_CLOSED;
}

void
letter_free(struct dispatch *dispatch, struct letter *letter)
{
	uncount(dispatch, sizeof(*letter) + letter->size);
	free(letter);
}
