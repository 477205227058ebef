#include <config.h>

#include "segment/reloads.h"

#include <string.h>

enum {
	WORDS = SEGMENT_REASON / sizeof(uint64_t),
};

uint64_t
reloads_count(const struct segment_master *master)
{
	return atomic_load(&master->reloads) + atomic_load(&master->reloads_failed);
}

static void
write_reason(struct segment_reload *at, const char reason[static SEGMENT_REASON])
{
	uint64_t words[WORDS];

	memcpy(words, reason, sizeof(words));
	for (unsigned i = 0; i < WORDS; i++)
		atomic_store(&at->reason[i], words[i]);
}

/* Whoever sees a part of the new entry sees that its number was taken away before. */
void
reloads_note(struct segment_master *master, const struct reloads_entry *entry)
{
	const uint64_t number = reloads_count(master) + 1;
	struct segment_reload *at = &master->history[number % SEGMENT_RELOADS];

	atomic_store(&at->number, 0);
	atomic_store(&at->at_s, entry->at_s);
	atomic_store(&at->generation, entry->generation);
	atomic_store(&at->ok, entry->ok);
	write_reason(at, entry->reason);
	atomic_store(&at->number, number);
	atomic_fetch_add(entry->ok ? &master->reloads : &master->reloads_failed, 1);
}

static void
read_reason(const struct segment_reload *at, char reason[static SEGMENT_REASON])
{
	uint64_t words[WORDS];

	for (unsigned i = 0; i < WORDS; i++)
		words[i] = atomic_load(&at->reason[i]);
	memcpy(reason, words, sizeof(words));
	reason[SEGMENT_REASON - 1] = '\0';
}

bool
reloads_read(const struct segment_master *master, uint64_t number, struct reloads_entry *entry)
{
	const struct segment_reload *at = &master->history[number % SEGMENT_RELOADS];

	if (atomic_load(&at->number) != number)
		return false;
	entry->at_s = atomic_load(&at->at_s);
	entry->generation = atomic_load(&at->generation);
	entry->ok = atomic_load(&at->ok) != 0;
	read_reason(at, entry->reason);
	return atomic_load(&at->number) == number;
}
