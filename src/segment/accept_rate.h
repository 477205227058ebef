/*
 * No more than so many connections a second for a service over all workers, without a lock.
 *
 * Each slot counts what its worker took in this second and in the one before, in two words that
 * say which second they are of. To take one, a worker adds to its own slot, then sums all slots,
 * as in admission.h. What was taken in the second before counts in proportion to what of it is
 * less than a second ago, so a rush after a quiet second is let through up to the rate, a steady
 * rush evenly, and no second that ends anywhere sees more than twice the rate.
 *
 *	32 bits  the second, of CLOCK_MONOTONIC
 *	32 bits  connections taken in it
 *
 * A slot that is dropped keeps these words: what a killed worker took has been taken.
 */
#ifndef SEGMENT_ACCEPT_RATE_H
#define SEGMENT_ACCEPT_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "segment/segment.h"

/* Worker: whether SERVICE may take one more at NOW_MS, with RATE a second; if so it is counted. */
PF_MUST_CHECK bool accept_rate_claim(
	struct segment *segment, unsigned service, uint32_t rate, int64_t now_ms);

/* Worker: what was claimed at NOW_MS, the latest claim, was not used. */
void accept_rate_release(struct segment *segment, unsigned service, int64_t now_ms);

#endif
