/*
 * How the last reloads went: the master notes it, in a ring in the head of the segment, and any
 * process reads it. An entry carries its number, which is 0 while it is written, so that a reader
 * takes whole ones only.
 */
#ifndef SEGMENT_RELOADS_H
#define SEGMENT_RELOADS_H

#include <stdbool.h>

#include "base/compiler.h"
#include "segment/layout.h"

struct reloads_entry {
	uint64_t at_s;               /* when it ended, CLOCK_REALTIME */
	uint32_t generation;         /* that serves since then, or still */
	bool ok;                     /* if not: */
	char reason[SEGMENT_REASON]; /* cut to that size, in which a character may be cut, too */
};

/* Master: notes the next one, and counts it. */
void reloads_note(struct segment_master *master, const struct reloads_entry *entry);

/* How many there were, ever: they have the numbers up to that, from 1. */
uint64_t reloads_count(const struct segment_master *master);

/* Whether the one of that NUMBER is there still; if so, it is in ENTRY. */
PF_MUST_CHECK bool reloads_read(
	const struct segment_master *master, uint64_t number, struct reloads_entry *entry);

#endif
