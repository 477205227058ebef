/*
 * The shared memory of master and workers: a sealed memfd that the master makes before it forks.
 * The master maps all of it for writing; a child maps its own slot for writing and the rest for
 * reading, through a descriptor that cannot do more, and keeps neither descriptor.
 */
#ifndef SEGMENT_SEGMENT_H
#define SEGMENT_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "segment/former.h"
#include "segment/layout.h"

struct segment {
	int fd;                    /* -1 in a child that has attached */
	int readonly_fd;           /* the same file, opened for reading */
	struct segment_head *head; /* the whole segment; read-only in a child */
	struct slot *slots;
	struct slot *own; /* a child's own slot, writable; NULL in the master */
	/*
	 * Whose slots the master numbers from SEGMENT_SLOTS on. Connections there count towards the
	 * limit of all services together, and towards no other.
	 */
	struct former former;
};

#define SEGMENT_NONE ((struct segment){ .fd = -1, .readonly_fd = -1, .former = FORMER_NONE })

/* Master: makes the segment. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int segment_create(struct segment *segment, struct error *error);

/* Descriptors of a segment, and of what its maker had from a former one; -1. */
struct segment_files {
	int fd, readonly_fd;
	int former_fd, former_readonly_fd;
};

/*
 * Master: takes what another program has made, to go on there, or beside it if its layout is not
 * ours. Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int segment_adopt(
	struct segment *segment, const struct segment_files *files, struct error *error);

/* Whether it could. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int segment_check(const struct segment_files *files, struct error *error);

/* What there is for another program to adopt. */
struct segment_files segment_files(const struct segment *segment);

/* Master: whether there is such a slot, here or in the former segment. */
bool segment_has_slot(const struct segment *segment, unsigned index);

/* Child: forgets the former segment once all its workers are gone. */
void segment_tidy(struct segment *segment);

/* Master: unmaps and closes it. */
void segment_destroy(struct segment *segment);

/*
 * Child: gives up what it inherited for what it may have. INDEX is its slot.
 * Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int segment_attach(struct segment *segment, unsigned index, struct error *error);

/* The same for a child that has no slot. */
PF_MUST_CHECK int segment_attach_to_read(struct segment *segment, struct error *error);

/*
 * Any program: maps the file READONLY_FD, and FORMER_FD (-1: none), to read. Takes neither. Returns
 * 0, or -1 with the reason: it is of another layout.
 */
PF_MUST_CHECK int segment_view(
	struct segment *segment, int readonly_fd, int former_fd, struct error *error);

/* Master: makes the slot a starting worker's; its counts are zero already. */
void segment_slot_claim(struct segment *segment, unsigned index, unsigned generation);

/* Master, after waitpid: drops the slot, and with it every place that its worker held. */
void segment_slot_drop(struct segment *segment, unsigned index);

/* Master: the id of the service of that name, made if it is new; -1 if there are too many. */
PF_MUST_CHECK int segment_service_id(struct segment *segment, const char *name);

/* Master: how many names have an id. */
unsigned segment_service_count(const struct segment *segment);

/* Master: forgets the names from the id COUNT on, none of which was ever served. */
void segment_forget_services(struct segment *segment, unsigned count);

/* Places held in a slot, as its worker says: a number to print, never to trust. */
unsigned segment_slot_admitted(const struct segment *segment, unsigned index);

/* Whether it is nobody's. */
bool segment_slot_is_free(const struct segment *segment, unsigned index);

/* Whether its worker says that it drains, and has closed what it listened on. */
bool segment_slot_is_draining(const struct segment *segment, unsigned index);

/* Words for what a process says of its state, which may be anything; NULL: it is none. */
const char *segment_slot_state_text(uint32_t state);
const char *segment_state_text(uint32_t state);

/* When its loop last turned, as its worker says: to see whether it moves, nothing more. */
int64_t segment_slot_tick_ms(const struct segment *segment, unsigned index);

#endif
