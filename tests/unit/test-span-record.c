/* Records of spans: what the admin process believes of what workers say, and what it makes of it.
 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "admin/otlp.h"
#include "base/compiler.h"
#include "dispatch/request_result.h"

static struct span_record
good(void)
{
	struct span_record record = {
		.magic = SPAN_RECORD_MAGIC,
		.result = REQUEST_TIMEOUT,
		.has_parent = 1,
		.pooled = 1,
		.framed_us = 10,
		.begun_us = 20,
		.ended_us = 30,
		.over_us = 40,
		.family = AF_INET6,
	};

	memset(record.service, 'x', sizeof(record.service) - 1);
	return record;
}

static bool
is_sane(const struct span_record *record)
{
	return span_record_is_sane(record, REQUEST_RESULT__COUNT);
}

static void
what_a_worker_writes_is_believed(void **state PF_UNUSED)
{
	struct span_record record = good();

	assert_true(is_sane(&record));
	assert_int_equal(span_record_spans(&record), 3);
	record.begun_us = record.ended_us = 0;
	assert_true(is_sane(&record));
	assert_int_equal(span_record_spans(&record), 2);
	record.pooled = 0;
	record.family = 0;
	record.begun_us = record.ended_us = record.over_us = record.framed_us;
	assert_true(is_sane(&record));
	assert_int_equal(span_record_spans(&record), 2);
}

#define spoil(member, value)                                 \
	do {                                                 \
		struct span_record record = good();          \
                                                             \
		record.member = (value);                     \
		if (is_sane(&record))                        \
			fail_msg(#member " may be " #value); \
	} while (0)

static void
what_makes_no_sense_is_not(void **state PF_UNUSED)
{
	spoil(magic, 0);
	spoil(result, REQUEST_RESULT__COUNT);
	spoil(has_parent, 2);
	spoil(pooled, 2);
	spoil(family, AF_NETLINK);
	spoil(framed_us, 0);
	spoil(framed_us, INT64_MIN);
	spoil(framed_us, 21);
	spoil(begun_us, 9);
	spoil(begun_us, 0);
	spoil(begun_us, 31);
	spoil(ended_us, 0);
	spoil(ended_us, 41);
	spoil(over_us, 9);
	spoil(over_us, INT64_MAX);
	spoil(service[0], '\0');
	spoil(service[5], ' ');
	spoil(service[5], '\xff');
	spoil(service[sizeof(good().service) - 1], 'x');
}

static void
the_longest_has_room(void **state PF_UNUSED)
{
	struct otlp_item item = { .record = good(), .epoch_ns = INT64_MAX / 2 };
	const struct otlp_item *items[] = { &item, &item };
	uint8_t data[OTLP_HEAD_MAX + OTLP_RECORD_MAX];
	size_t one, two;

	item.record.connection = item.record.number = UINT64_MAX;
	item.record.received = item.record.sent = UINT64_MAX;
	item.record.worker = item.record.generation = UINT32_MAX;
	item.record.port = UINT16_MAX;
	memset(item.record.address, 0xfe, sizeof(item.record.address));
	one = otlp_write(items, 1, data, sizeof(data));
	two = otlp_write(items, 2, data, sizeof(data));
	assert_true(one > 0 && two > one);
	assert_true(two - one <= OTLP_RECORD_MAX);
	assert_true(one - (two - one) + 256 <= OTLP_HEAD_MAX); /* with the longest host */
	for (size_t room = 0; room < one; room++)
		assert_int_equal(otlp_write(items, 1, data, room), 0);
}

static void
an_answer_says_how_many_were_rejected(void **state PF_UNUSED)
{
	static const uint8_t answer[] = { 0x0a, 0x06, 0x12, 0x01, 'x', 0x08, 0x96, 0x01 };
	static const uint8_t other[] = { 0x15, 1, 2, 3, 4, 0x08, 0x05 };

	assert_int_equal(otlp_rejected(answer, sizeof(answer)), 150);
	assert_int_equal(otlp_rejected(other, sizeof(other)), 0);
	assert_int_equal(otlp_rejected(NULL, 0), 0);
	for (size_t size = 0; size < sizeof(answer); size++) {
		uint8_t *cut = malloc(size > 0 ? size : 1);

		memcpy(cut, answer, size);
		assert_int_equal(otlp_rejected(cut, size), 0);
		free(cut);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_worker_writes_is_believed),
		cmocka_unit_test(what_makes_no_sense_is_not),
		cmocka_unit_test(the_longest_has_room),
		cmocka_unit_test(an_answer_says_how_many_were_rejected),
	};

	return cmocka_run_group_tests_name("span-record", tests, NULL, NULL);
}
