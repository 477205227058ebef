/* What a module asks of the loop about a connection that it names by its id. */
#ifndef DISPATCH_LETTER_H
#define DISPATCH_LETTER_H

#include <stddef.h>
#include <stdint.h>

#include <prefork/module.h>

#include "base/compiler.h"
#include "dispatch/completion.h"
#include "dispatch/service.h"

enum letter_kind {
	LETTER_SEND,         /* `data` as a message that nobody asked for */
	LETTER_IDLE_TIMEOUT, /* `value`: milliseconds, 0 for ever, negative the service's */
	LETTER_CLOSE,        /* in order */
};

struct letter {
	struct post post;
	enum letter_kind kind;
	uint64_t connection;
	int64_t value;
	size_t size;
	char data[];
};

/*
 * Posts a letter with a copy of COUNT spans. Any thread. Returns an enum pf_error: PF_E_CLOSED if
 * the connection is not open, PF_E_FULL if too many letters are on their way, PF_E_MEMORY.
 */
PF_MUST_CHECK int letter_post(const struct service *service, const struct letter *head,
	const struct pf_span *parts, size_t count);

/* Loop: frees a letter that has been taken. */
void letter_free(struct dispatch *dispatch, struct letter *letter);

#endif
