#include <config.h>

#include "dispatch/completion.h"

#include "process/loop.h"

void
completion_post(struct completion *completion, struct post *post)
{
	struct post *head = atomic_load_explicit(&completion->head, memory_order_relaxed);

	do
		post->next = head;
	while (!atomic_compare_exchange_weak(&completion->head, &head, post));
	loop_wake(completion->loop);
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
