/*
 * The way from threads back to the loop: a stack that any thread pushes on and the loop empties.
 * The loop is woken only if it waits.
 */
#ifndef DISPATCH_COMPLETION_H
#define DISPATCH_COMPLETION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct loop;

enum post_kind {
	POST_JOB,     /* struct job: requests of it are done, or it is over */
	POST_REQUEST, /* struct request: one that was kept is over */
	POST_LETTER,  /* struct letter */
};

/* Embedded in what is posted, which belongs to the loop from then on. */
struct post {
	struct post *next;
	enum post_kind kind;
};

struct completion {
	_Atomic(struct post *) head;
	struct loop *loop;
};

/* Any thread: puts POST there, for the loop to find when it looks next; sees to it that it does. */
void completion_put(struct completion *completion, struct post *post);
void completion_wake(struct completion *completion);

/* Any thread: both. */
void completion_post(struct completion *completion, struct post *post);

/* Loop: takes all that was posted, in that order. NULL: nothing. */
struct post *completion_take(struct completion *completion);

/* Loop: whether there is nothing to take. */
static inline bool
completion_is_empty(struct completion *completion)
{
	return atomic_load(&completion->head) == NULL;
}

#endif
