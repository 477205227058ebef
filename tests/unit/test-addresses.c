/*
 * The table of addresses, by one process that stands for the workers of several slots. That it
 * holds under fire is shown by test-admission.c.
 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "segment/admission.h"
#include "segment/addresses.h"

enum {
	SLOTS = 3,
	SERVICE = 5,
};

static struct segment segment;

static int
open_segment(void **state PF_UNUSED)
{
	struct error error;

	if (segment_create(&segment, &error) != 0)
		return -1;
	for (unsigned i = 0; i < SLOTS; i++)
		segment_slot_claim(&segment, i, 1);
	segment.own = &segment.slots[0];
	return 0;
}

static int
close_segment(void **state PF_UNUSED)
{
	segment_destroy(&segment);
	return 0;
}

static uint64_t
hash_for(unsigned service, const char *text)
{
	struct host host;

	if (host_parse(&host, text) != 0)
		fail_msg("%s is no host", text);
	return addresses_hash(&segment, service, &host);
}

static uint64_t
hash(const char *text)
{
	return hash_for(SERVICE, text);
}

static uint32_t
add(unsigned slot, uint64_t hash)
{
	segment.own = &segment.slots[slot];
	return addresses_add(&segment, hash);
}

static void
take(unsigned slot, uint32_t place)
{
	segment.own = &segment.slots[slot];
	addresses_take(&segment, place);
}

/* COUNT hashes of hosts that share a bucket. */
static void
find_bucket_mates(uint64_t *mates, size_t count)
{
	uint32_t place = add(0, hash("10.0.0.0"));
	size_t found = 0;

	for (uint32_t i = 1; found < count; i++) {
		uint32_t mate_place;
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, i >> 8 & 0xff, i & 0xff);
		mate_place = add(1, hash(text));
		if (mate_place > 0)
			take(1, mate_place);
		if ((mate_place - 1) / SEGMENT_BUCKET == (place - 1) / SEGMENT_BUCKET)
			mates[found++] = hash(text);
	}
	take(0, place);
}

static void
a_count_is_the_sum_of_all_slots(void **state PF_UNUSED)
{
	uint64_t one = hash("192.0.2.1"), other = hash("192.0.2.2");
	uint32_t places[] = { add(0, one), add(0, one), add(2, one), add(1, other) };

	assert_int_equal(addresses_sum(&segment, one), 3);
	assert_int_equal(addresses_sum(&segment, other), 1);
	assert_int_equal(places[0], places[1]);
	take(0, places[0]);
	take(2, places[2]);
	assert_int_equal(addresses_sum(&segment, one), 1);
	take(0, places[1]);
	take(1, places[3]);
	assert_int_equal(addresses_sum(&segment, one), 0);
	assert_int_equal(addresses_sum(&segment, other), 0);
}

static void
each_service_counts_for_itself(void **state PF_UNUSED)
{
	uint32_t place = add(0, hash_for(1, "192.0.2.1"));

	assert_int_equal(addresses_sum(&segment, hash_for(1, "192.0.2.1")), 1);
	assert_int_equal(addresses_sum(&segment, hash_for(2, "192.0.2.1")), 0);
	take(0, place);
}

static void
a_client_is_an_ipv4_address_or_a_64_of_ipv6(void **state PF_UNUSED)
{
	assert_true(hash("2001:db8:0:1::1") == hash("2001:db8:0:1:ffff:ffff:ffff:ffff"));
	assert_true(hash("2001:db8:0:1::1") != hash("2001:db8:0:2::1"));
	assert_true(hash("192.0.2.1") == hash("::ffff:192.0.2.1"));
	assert_true(hash("192.0.2.1") != hash("192.0.2.2"));
	assert_true(hash("::1") != hash("127.0.0.1"));
}

static void
a_full_bucket_refuses_others_and_is_counted(void **state PF_UNUSED)
{
	uint64_t mates[SEGMENT_BUCKET + 1], before;
	uint32_t places[SEGMENT_BUCKET], again;

	find_bucket_mates(mates, countof(mates));
	for (size_t i = 0; i < SEGMENT_BUCKET; i++) {
		places[i] = add(0, mates[i]);
		assert_int_not_equal(places[i], 0);
	}
	before = atomic_load(&segment.slots[0].addresses_refused);
	assert_int_equal(add(0, mates[SEGMENT_BUCKET]), 0);
	assert_true(atomic_load(&segment.slots[0].addresses_refused) == before + 1);
	again = add(0, mates[3]);
	assert_int_equal(again, places[3]);
	assert_int_not_equal(add(1, mates[SEGMENT_BUCKET]), 0);

	take(0, places[5]);
	assert_int_equal(add(0, mates[SEGMENT_BUCKET]), places[5]);
	assert_int_equal(addresses_sum(&segment, mates[5]), 0);
	assert_int_equal(addresses_sum(&segment, mates[SEGMENT_BUCKET]), 2);
	assert_int_equal(addresses_sum(&segment, mates[3]), 2);
	segment_slot_drop(&segment, 0);
	segment_slot_drop(&segment, 1);
}

static void
a_dropped_slot_counts_nobody(void **state PF_UNUSED)
{
	uint64_t one = hash("192.0.2.1");
	uint32_t kept = add(0, one);

	add(1, one);
	add(1, one);
	add(1, hash("192.0.2.2"));
	assert_int_equal(addresses_sum(&segment, one), 3);
	segment_slot_drop(&segment, 1);
	assert_int_equal(addresses_sum(&segment, one), 1);
	assert_int_equal(addresses_sum(&segment, hash("192.0.2.2")), 0);
	for (size_t i = 0; i < SEGMENT_ADDRESSES; i++)
		assert_true(atomic_load(&segment.slots[1].addresses[i]) == 0);
	take(0, kept);
}

static void
ten_thousand_clients_of_a_worker_find_room(void **state PF_UNUSED)
{
	unsigned refused = 0;

	segment.head->address_key[0] = 1; /* the same in each run */
	segment.head->address_key[1] = 2;
	for (unsigned i = 0; i < 10000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.0.%u.%u", i >> 8, i & 0xff);
		refused += add(0, hash(text)) == 0;
	}
	assert_int_equal(refused, 0);
	segment_slot_drop(&segment, 0);
}

/* A claim with an address limit, in the slot of the caller. */
static enum admission
claim(const char *text, uint32_t limit, struct admission_place *place)
{
	struct host host;
	struct admission_claim claim = { .service = SERVICE,
		.limit = 100,
		.address_limit = limit,
		.host = text != NULL ? &host : NULL };

	if (text != NULL && host_parse(&host, text) != 0)
		fail_msg("%s is no host", text);
	return admission_claim(&segment, &claim, place);
}

static void
who_is_refused_by_address_takes_no_other_place(void **state PF_UNUSED)
{
	struct admission_place place, other;

	segment.own = &segment.slots[0];
	assert_int_equal(claim("192.0.2.1", 1, &place), ADMISSION_GRANTED);
	assert_int_equal(claim("192.0.2.1", 1, &other), ADMISSION_ADDRESS_FULL);
	segment.own = &segment.slots[1];
	assert_int_equal(claim("192.0.2.1", 1, &other), ADMISSION_ADDRESS_FULL);
	assert_int_equal(segment_slot_admitted(&segment, 0), 1);
	assert_int_equal(segment_slot_admitted(&segment, 1), 0);
	assert_int_equal(addresses_sum(&segment, hash("192.0.2.1")), 1);
	segment.own = &segment.slots[0];
	admission_release(&segment, place);
	assert_int_equal(segment_slot_admitted(&segment, 0), 0);
	assert_int_equal(addresses_sum(&segment, hash("192.0.2.1")), 0);
}

static void
without_an_address_or_a_limit_none_is_counted(void **state PF_UNUSED)
{
	struct admission_place place;

	segment.own = &segment.slots[2];
	for (int i = 0; i < 3; i++) {
		assert_int_equal(claim(i < 2 ? "192.0.2.1" : NULL, i < 2 ? 0 : 1, &place),
			ADMISSION_GRANTED);
		assert_int_equal(place.address, 0);
		assert_int_equal(place.service, SERVICE);
	}
	assert_int_equal(addresses_sum(&segment, hash("192.0.2.1")), 0);
	for (int i = 0; i < 3; i++)
		admission_release(&segment, place);
	assert_int_equal(segment_slot_admitted(&segment, 2), 0);
}

static void
a_slot_counts_what_its_worker_holds_unless_junk_is_written(void **state PF_UNUSED)
{
	struct slot *slot = &segment.slots[2];
	struct admission_place place, other;

	segment.own = slot;
	assert_true(admission_counts(&segment, 0));
	assert_int_equal(claim("192.0.2.1", 1, &place), ADMISSION_GRANTED);
	assert_int_equal(claim("192.0.2.1", 1, &other), ADMISSION_ADDRESS_FULL);
	assert_true(admission_counts(&segment, 1));
	atomic_fetch_add(&slot->admitted, 1);
	assert_false(admission_counts(&segment, 1));
	assert_false(admission_counts(&segment, 2));
	atomic_fetch_sub(&slot->admitted, 1);
	atomic_fetch_add(&slot->service_admitted[SEGMENT_SERVICES - 1], 1);
	assert_false(admission_counts(&segment, 1));
	atomic_fetch_sub(&slot->service_admitted[SEGMENT_SERVICES - 1], 1);
	admission_release(&segment, place);
	assert_true(admission_counts(&segment, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_is_an_ipv4_address_or_a_64_of_ipv6),
		cmocka_unit_test(without_an_address_or_a_limit_none_is_counted),
		cmocka_unit_test(a_count_is_the_sum_of_all_slots),
		cmocka_unit_test(each_service_counts_for_itself),
		cmocka_unit_test(a_full_bucket_refuses_others_and_is_counted),
		cmocka_unit_test(a_dropped_slot_counts_nobody),
		cmocka_unit_test(ten_thousand_clients_of_a_worker_find_room),
		cmocka_unit_test(who_is_refused_by_address_takes_no_other_place),
		cmocka_unit_test(a_slot_counts_what_its_worker_holds_unless_junk_is_written),
	};

	return cmocka_run_group_tests_name("addresses", tests, open_segment, close_segment);
}
