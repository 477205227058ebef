/*
 * The segment of a former program, which has another layout: its workers count there until they are
 * gone. Of its head and slots only the frozen parts are known: see layout.h. All numbers are 0
 * while there is none.
 *
 * Its slots are never claimed again, so that it is over once all of them are free.
 */
#ifndef SEGMENT_FORMER_H
#define SEGMENT_FORMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "segment/layout.h"

struct former {
	int fd, readonly_fd; /* of the same file; -1 in a child that has attached */
	char *map;           /* NULL: there is none; read-only in a child */
	size_t size;
};

#define FORMER_NONE ((struct former){ .fd = -1, .readonly_fd = -1 })

/* Whether FD is a segment whose frozen parts make sense. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int former_check(int fd, struct error *error);

/* Master: maps it and takes the descriptors, also on failure. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int former_open(struct former *former, int fd, int readonly_fd, struct error *error);

/* Child: gives up what it inherited for a map to read. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int former_attach(struct former *former, struct error *error);

/* Any program: maps FD, which is lent, to read. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int former_view(struct former *former, int fd, struct error *error);

/* Forgets it. Idempotent. */
void former_close(struct former *former);

/* How many slots it has. */
unsigned former_count(const struct former *former);

/* A slot, of which nothing but the frozen part may be touched. */
struct slot *former_slot(const struct former *former, unsigned index);

/* Over all slots; nothing without a former segment. */
struct former_sums {
	uint64_t admitted;  /* places that its workers hold... */
	uint64_t draining;  /* ...and of them, who drain */
	uint64_t released;  /* that they have given back, ever */
	unsigned workers;   /* that are there... */
	unsigned accepting; /* ...and may still accept, and do not count ours */
};

struct former_sums former_sum(const struct former *former);

#endif
