#include <config.h>

#include "master/shown.h"

#include <time.h>

#include "master/generation.h"

void
shown_update(const struct supervisor *supervisor, enum segment_state state)
{
	const struct generation *generation = supervisor->serving;
	struct segment_master *shown = &supervisor->segment->head->master;
	const uint64_t now_s = (uint64_t)time(NULL);

	if (atomic_load(&shown->started_s) == 0) {
		atomic_store(&shown->started_s, now_s);
		atomic_store(&shown->loaded_s, now_s);
	}
	atomic_store(&shown->state, state);
	atomic_store(&shown->generation, (uint32_t)generation->number);
	atomic_store(&shown->workers, (uint32_t)generation->seat_count);
	atomic_store(&shown->max_connections, (uint32_t)generation->config->max_connections);
}

void
shown_reload(struct segment *segment, bool ok)
{
	struct segment_master *shown = &segment->head->master;

	if (ok)
		atomic_store(&shown->loaded_s, (uint64_t)time(NULL));
	atomic_fetch_add(ok ? &shown->reloads : &shown->reloads_failed, 1);
}

void
shown_restart(struct segment *segment, enum segment_restart reason)
{
	atomic_fetch_add(&segment->head->master.restarts[reason], 1);
}
