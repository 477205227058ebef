/*
 * SipHash-2-4, a keyed hash of short input: who does not know the key cannot choose inputs that
 * collide. Jean-Philippe Aumasson and Daniel J. Bernstein: "SipHash: a fast short-input PRF", 2012.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* KEY is the 16 bytes of the paper's k, as two little-endian words. */
uint64_t siphash(const uint64_t key[static 2], const void *data, size_t size);

#endif
