#include <config.h>

#include "segment/addresses.h"

#include <assert.h>
#include <string.h>

#include "base/siphash.h"
#include "base/subnet.h"

enum {
	COUNT_BITS = 20, /* of a word; and of a hash, those that choose the bucket */
	COUNT_MASK = (1 << COUNT_BITS) - 1,
	BUCKETS = SEGMENT_ADDRESSES / SEGMENT_BUCKET,
	IPV6_CLIENT_BITS = 64, /* what one client has at least: RFC 6177 */
};

static_assert(BUCKETS <= COUNT_MASK + 1, "enough bits for the buckets");
static_assert(SEGMENT_ADDRESSES % SEGMENT_BUCKET == 0, "whole buckets");

uint64_t
addresses_hash(const struct segment *segment, unsigned service, const struct host *host)
{
	struct {
		struct host host;
		uint32_t service;
	} key = {
		.host = host_is_ipv4(host) ? *host : subnet_mask(host, IPV6_CLIENT_BITS),
		.service = service,
	};

	static_assert(sizeof(key) == sizeof(key.host) + sizeof(key.service), "no padding");
	return siphash(segment->head->address_key, &key, sizeof(key));
}

static uint64_t
tag_of(uint64_t word)
{
	return word & ~(uint64_t)COUNT_MASK;
}

static uint32_t
count_of(uint64_t word)
{
	return (uint32_t)(word & COUNT_MASK);
}

static size_t
bucket_of(uint64_t hash)
{
	return (hash & COUNT_MASK) % BUCKETS * SEGMENT_BUCKET;
}

/* The place of HASH in SLOT, or of a free word; 0: neither. */
static uint32_t
find(const struct slot *slot, uint64_t hash)
{
	size_t first = bucket_of(hash);
	uint32_t unused = 0;

	for (size_t i = first; i < first + SEGMENT_BUCKET; i++) {
		uint64_t word = atomic_load_explicit(&slot->addresses[i], memory_order_relaxed);

		if (count_of(word) == 0)
			unused = (uint32_t)i + 1;
		else if (tag_of(word) == tag_of(hash))
			return (uint32_t)i + 1;
	}
	return unused;
}

uint32_t
addresses_add(struct segment *segment, uint64_t hash)
{
	struct slot *own = segment->own;
	uint32_t place = find(own, hash);
	uint64_t word;

	if (place == 0) {
		atomic_fetch_add(&own->addresses_refused, 1);
		return 0;
	}
	word = atomic_load(&own->addresses[place - 1]);
	atomic_store(&own->addresses[place - 1], tag_of(hash) | (count_of(word) + 1));
	return place;
}

void
addresses_take(struct segment *segment, uint32_t place)
{
	atomic_fetch_sub(&segment->own->addresses[place - 1], 1);
}

static uint32_t
count_in(const struct slot *slot, uint64_t hash)
{
	const _Atomic uint64_t *bucket = &slot->addresses[bucket_of(hash)];

	for (size_t i = 0; i < SEGMENT_BUCKET; i++) {
		uint64_t word = atomic_load(&bucket[i]);

		if (tag_of(word) == tag_of(hash) && count_of(word) > 0)
			return count_of(word);
	}
	return 0;
}

uint32_t
addresses_sum(const struct segment *segment, uint64_t hash)
{
	uint32_t used = atomic_load(&segment->head->slots_used);
	uint32_t sum = 0;

	for (uint32_t i = 0; i < used; i++)
		sum += count_in(&segment->slots[i], hash);
	return sum;
}
