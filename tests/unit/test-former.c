/* The segment of a former program: what is refused, what is counted, and for how long. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "segment/admission.h"

enum {
	SLOT_SIZE = 3 * SEGMENT_PAGE,
	SLOTS = 5,
	SIZE = SEGMENT_PAGE + SLOTS * SLOT_SIZE,
};

static struct error error;

/* A file with that head, and nothing behind it. */
static int
make_file(const struct segment_head *head, off_t size)
{
	const int fd = memfd_create("former", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(pwrite(fd, head, offsetof(struct segment_head, services), 0),
		offsetof(struct segment_head, services));
	return fd;
}

static struct segment_head
good_head(void)
{
	return (struct segment_head){
		.magic = SEGMENT_MAGIC,
		.layout = 77,
		.size = SIZE,
		.slot_offset = SEGMENT_PAGE,
		.slot_size = SLOT_SIZE,
		.slot_count = SLOTS,
		.slots_used = 3,
	};
}

static int
check(const struct segment_head *head, off_t size)
{
	const int fd = make_file(head, size);
	const int result = former_check(fd, &error);

	close(fd);
	return result;
}

static void
test_refuses_what_makes_no_sense(void **state PF_UNUSED)
{
	struct segment_head head = good_head();

	assert_int_equal(check(&head, SIZE), 0);
	assert_int_equal(check(&head, SIZE - SEGMENT_PAGE), -1);
	assert_int_equal(check(&head, 0), -1);
	head.magic++;
	assert_int_equal(check(&head, SIZE), -1);
	head = good_head();
	head.slot_count = SLOTS + 1;
	assert_int_equal(check(&head, SIZE), -1);
	head.slot_count = 0;
	assert_int_equal(check(&head, SIZE), -1);
	head = good_head();
	head.slot_size = UINT32_MAX - SEGMENT_PAGE + 1;
	assert_int_equal(check(&head, SIZE), -1);
	head.slot_size = 64;
	assert_int_equal(check(&head, SIZE), -1);
	head = good_head();
	head.slot_offset = 0;
	assert_int_equal(check(&head, SIZE), -1);
	assert_int_equal(former_check(-1, &error), -1);
}

static void
set_slot(struct former *former, unsigned index, enum slot_state state, uint32_t admitted)
{
	atomic_store(&former_slot(former, index)->state, state);
	atomic_store(&former_slot(former, index)->admitted, admitted);
}

/* A new segment beside a former one, where 4 connections are with a worker, and 3 with a draining.
 */
static void
open_both(struct segment *segment)
{
	const struct segment_head head = good_head();
	const int fd = make_file(&head, SIZE);
	const struct segment_files files = { fd, dup(fd), -1, -1 };

	assert_int_equal(segment_check(&files, &error), 0);
	assert_int_equal(segment_adopt(segment, &files, &error), 0);
	assert_int_not_equal(segment->fd, fd);
	set_slot(&segment->former, 0, SLOT_READY, 4);
	set_slot(&segment->former, 1, SLOT_DRAINING, 3);
	set_slot(&segment->former, 3, SLOT_READY, 100); /* not used, as the head says */
}

static void
test_counts_towards_the_limit_of_all(void **state PF_UNUSED)
{
	const struct admission_claim claim = { .limit = 8, .service_limit = 1 };
	struct admission_place place;
	struct segment segment;

	open_both(&segment);
	segment_slot_claim(&segment, 0, 2);
	segment.own = &segment.slots[0];
	assert_true(admission_overcounts(&segment));
	assert_int_equal(admission_claim(&segment, &claim, &place), ADMISSION_GRANTED);
	assert_int_equal(admission_claim(&segment, &claim, &place), ADMISSION_FULL);
	segment_slot_drop(&segment, SEGMENT_SLOTS + 1);
	assert_false(admission_overcounts(&segment));
	assert_int_equal(admission_claim(&segment, &claim, &place), ADMISSION_SERVICE_FULL);
	segment.own = NULL;
	segment_destroy(&segment);
}

static void
test_is_over_when_all_are_gone(void **state PF_UNUSED)
{
	struct segment segment;

	open_both(&segment);
	assert_true(segment_has_slot(&segment, SEGMENT_SLOTS + SLOTS - 1));
	assert_false(segment_has_slot(&segment, SEGMENT_SLOTS + SLOTS));
	assert_int_equal(former_sum(&segment.former).accepting, 1);
	assert_int_equal(segment_slot_admitted(&segment, SEGMENT_SLOTS), 4);
	assert_true(segment_slot_is_draining(&segment, SEGMENT_SLOTS + 1));
	segment_slot_drop(&segment, SEGMENT_SLOTS);
	assert_true(segment_slot_is_free(&segment, SEGMENT_SLOTS));
	assert_int_equal(former_sum(&segment.former).accepting, 0);
	segment_tidy(&segment);
	assert_non_null(segment.former.map);
	segment_slot_drop(&segment, SEGMENT_SLOTS + 1);
	segment_tidy(&segment);
	assert_null(segment.former.map);
	assert_int_equal(former_sum(&segment.former).admitted, 0);
	segment_destroy(&segment);
}

static void
test_a_third_layout_waits(void **state PF_UNUSED)
{
	const struct segment_head head = good_head();
	const int fd = make_file(&head, SIZE);
	const struct segment_files files = { fd, fd, fd, fd };

	assert_int_equal(segment_check(&files, &error), -1);
	assert_non_null(strstr(error.text, "third layout"));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_what_makes_no_sense),
		cmocka_unit_test(test_counts_towards_the_limit_of_all),
		cmocka_unit_test(test_is_over_when_all_are_gone),
		cmocka_unit_test(test_a_third_layout_waits),
	};

	return cmocka_run_group_tests_name("former", tests, NULL, NULL);
}
