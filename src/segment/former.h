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

/* Forgets it. Idempotent. */
void former_close(struct former *former);

/* How many slots it has; only those below former_used were ever claimed. */
unsigned former_count(const struct former *former);
unsigned former_used(const struct former *former);

/* A slot, of which nothing but the frozen part may be touched. */
struct slot *former_slot(const struct former *former, unsigned index);

/* How many places they have given back, ever. */
uint64_t former_sum_released(const struct former *former);

/* Places that its workers hold: all of them, or only those who drain. */
uint64_t former_sum_admitted(const struct former *former);
uint64_t former_sum_draining(const struct former *former);

/* Whether some of its workers may still accept, and do not count ours. */
bool former_accepts(const struct former *former);

/* Whether all its workers are gone. */
bool former_is_over(const struct former *former);

#endif
