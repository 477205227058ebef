#include <config.h>

#include "master/shown.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "master/generation.h"
#include "segment/reloads.h"

void
shown_update(const struct supervisor *supervisor, enum segment_state state)
{
	const struct generation *generation = supervisor_current(supervisor);
	struct segment_master *shown = &supervisor->segment->head->master;
	const uint64_t now_s = (uint64_t)time(NULL);

	if (atomic_load(&shown->started_s) == 0) {
		atomic_store(&shown->started_s, now_s);
		atomic_store(&shown->loaded_s, now_s);
	}
	atomic_store(&shown->pid, (uint32_t)getpid());
	atomic_store(&shown->state, state);
	atomic_store(&shown->generation, (uint32_t)generation->number);
	atomic_store(&shown->workers, (uint32_t)generation->seat_count);
	atomic_store(&shown->max_connections, (uint32_t)generation->config->max_connections);
}

void
shown_reload(const struct generation *serving, const char *reason)
{
	struct segment_master *shown = &serving->segment->head->master;
	struct reloads_entry entry = {
		.at_s = (uint64_t)time(NULL),
		.generation = (uint32_t)serving->number,
		.ok = reason == NULL,
	};

	if (reason == NULL)
		atomic_store(&shown->loaded_s, entry.at_s);
	else
		strlcpy(entry.reason, reason, sizeof(entry.reason));
	reloads_note(shown, &entry);
}

void
shown_restart(struct segment *segment, int number, enum segment_restart reason)
{
	struct segment_master *shown = &segment->head->master;

	atomic_fetch_add(&shown->restarts[reason], 1);
	atomic_fetch_add(&shown->worker_restarts[number - 1], 1);
}
