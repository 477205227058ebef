/*
 * How many connections each address has with each service, exactly over all workers.
 *
 * Each slot has a table of words, a tag and a count, in buckets. A keyed hash of service and
 * address says which bucket it is, the same in all slots, and gives the tag, so that a sum reads
 * one bucket a slot. The rule is that of admission.h: add to the own slot, then sum all.
 *
 *	44 bits  tag
 *	20 bits  count; 0: the word is free, whatever its tag
 *
 * A word that counts never moves, so a sum misses nobody who is there all the while. A bucket that
 * is full of other addresses refuses. The IPv6 addresses of one /64 are one.
 */
#ifndef SEGMENT_ADDRESSES_H
#define SEGMENT_ADDRESSES_H

#include <stdint.h>

#include "base/host.h"
#include "segment/segment.h"

/* The hash of SERVICE and HOST that the other functions take. */
uint64_t addresses_hash(const struct segment *segment, unsigned service, const struct host *host);

/*
 * Worker: counts one more for HASH in the own slot. Returns its place there, from 1, for
 * addresses_take; or 0 if the bucket is full.
 */
uint32_t addresses_add(struct segment *segment, uint64_t hash);

/* Worker: counts one less at PLACE. */
void addresses_take(struct segment *segment, uint32_t place);

/* The count for HASH over all slots. */
uint32_t addresses_sum(const struct segment *segment, uint64_t hash);

#endif
