#include <config.h>

#include "dispatch/completion.h"

#include "process/loop.h"

void
completion_put(struct completion *completion, struct post *post)
{
	struct post *head = atomic_load_explicit(&completion->head, memory_order_relaxed);

	do
		post->next = head;
	while (!atomic_compare_exchange_weak(&completion->head, &head, post));
}

void
completion_wake(struct completion *completion)
{
	loop_wake(completion->loop);
}

void
completion_post(struct completion *completion, struct post *post)
{
	completion_put(completion, post);
	completion_wake(completion);
}

struct post *
completion_take(struct completion *completion)
{
	struct post *taken, *ordered = NULL;

	if (completion_is_empty(completion))
		return NULL;
	taken = atomic_exchange(&completion->head, NULL);
	while (taken != NULL) {
		struct post *next = taken->next;

		taken->next = ordered;
		ordered = taken;
		taken = next;
	}
	return ordered;
}
