#include <config.h>

#include "base/siphash.h"

#include <endian.h>
#include <string.h>

enum {
	ROUNDS = 2,
	LAST_ROUNDS = 4,
	WORD = sizeof(uint64_t),
};

static uint64_t
rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

/* "SipRound" of the paper, COUNT times. */
static void
scramble(uint64_t v[static 4], int count)
{
	for (int i = 0; i < count; i++) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void
absorb(uint64_t v[static 4], uint64_t word)
{
	v[3] ^= word;
	scramble(v, ROUNDS);
	v[0] ^= word;
}

uint64_t
siphash(const uint64_t key[static 2], const void *data, size_t size)
{
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};
	const char *at = data, *last = at + size - size % WORD;
	uint64_t word;

	for (; at < last; at += WORD) {
		memcpy(&word, at, WORD);
		absorb(v, le64toh(word));
	}
	word = 0;
	memcpy(&word, last, size % WORD);
	absorb(v, le64toh(word) | (uint64_t)size << 56);
	v[2] ^= 0xff;
	scramble(v, LAST_ROUNDS);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
