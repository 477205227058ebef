/* What a master leaves to the next program: it comes out again, or is refused as a whole. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/fd.h"
#include "master/heritage.h"
#include "process/record.h"

enum {
	TAG_NUMBERS = 1,
	TAG_CHILDREN = 4,
	TAG__COUNT = 7,
	TAG_LATER = 40,
};

static struct error error;

static struct heritage_child children[] = {
	{ .pid = 11, .slot = 3, .number = 1, .generation = 7, .channel = 20, .born_ms = 1 },
	{ .pid = 12, .slot = 4, .number = CONFIG_WORKERS_MAX, .state = 3, .adopted = { 1, 0, 1 } },
};
static struct heritage_listener listeners[] = { { .inode = 5, .sockets = 2 }, { .sockets = 1 } };
static struct heritage_socket sockets[] = { { 30, 0 }, { 31, 1 }, { 32, 9 } };
static int32_t modules[] = { 40, -1 };
static int32_t clients[] = { 50, 51 };

static struct heritage
all(void)
{
	return (struct heritage){
		.numbers = {
			.generation = 7,
			.seats = 2,
			.program = 9,
			.cut = 99,
			.messages = heritage_messages(),
		},
		.listeners = listeners,
		.sockets = sockets,
		.children = children,
		.modules = modules,
		.clients = clients,
		.listener_count = countof(listeners),
		.socket_count = countof(sockets),
		.child_count = countof(children),
		.module_count = countof(modules),
		.client_count = countof(clients),
	};
}

static int
write_all(const struct heritage *heritage)
{
	int fd = heritage_write(heritage, &error);

	assert_true(fd >= 0);
	return fd;
}

static void
must_be_all(const struct heritage *read)
{
	const struct heritage written = all();

	assert_memory_equal(&read->numbers, &written.numbers, sizeof(read->numbers));
	assert_int_equal(read->listener_count, countof(listeners));
	assert_memory_equal(read->listeners, listeners, sizeof(listeners));
	assert_int_equal(read->socket_count, countof(sockets));
	assert_memory_equal(read->sockets, sockets, sizeof(sockets));
	assert_int_equal(read->child_count, countof(children));
	assert_memory_equal(read->children, children, sizeof(children));
	assert_int_equal(read->module_count, countof(modules));
	assert_memory_equal(read->modules, modules, sizeof(modules));
	assert_int_equal(read->client_count, countof(clients));
	assert_memory_equal(read->clients, clients, sizeof(clients));
}

/* Reads what FD has, and closes it. */
static int
read_back(struct heritage *heritage, int fd)
{
	int result = heritage_read(heritage, fd, &error);

	close(fd);
	return result;
}

static void
must_be_refused(int fd)
{
	struct heritage heritage;

	assert_int_equal(read_back(&heritage, fd), -1);
	assert_true(error.text[0] != '\0');
	heritage_free(&heritage);
}

static void
what_is_written_comes_out_again(void **state PF_UNUSED)
{
	const struct heritage written = all();
	struct heritage heritage;

	assert_int_equal(read_back(&heritage, write_all(&written)), 0);
	must_be_all(&heritage);
	heritage_free(&heritage);
}

static void
lists_may_be_empty(void **state PF_UNUSED)
{
	const struct heritage written = {
		.numbers = { .seats = 1, .messages = heritage_messages() },
	};
	struct heritage heritage;

	assert_int_equal(read_back(&heritage, write_all(&written)), 0);
	assert_int_equal(heritage.child_count, 0);
	heritage_free(&heritage);
}

static void
workers_with_other_messages_are_refused(void **state PF_UNUSED)
{
	struct heritage written = all();
	struct heritage heritage;

	written.numbers.messages++;
	assert_int_equal(read_back(&heritage, write_all(&written)), -1);
	assert_non_null(strstr(error.text, "messages"));
	heritage_free(&heritage);
}

/* A file that ends early, and one whose head says that it is complete. */
static void
it_is_refused_wherever_it_ends(void **state PF_UNUSED)
{
	const struct heritage written = all();
	struct record_head head;
	struct stat file;
	int whole = write_all(&written);

	assert_int_equal(fstat(whole, &file), 0);
	assert_int_equal(pread(whole, &head, sizeof(head), 0), sizeof(head));
	close(whole);
	for (off_t size = 0; size < file.st_size; size++) {
		int fd = write_all(&written);

		assert_int_equal(ftruncate(fd, size), 0);
		must_be_refused(dup(fd));
		if (size >= (off_t)sizeof(head)) {
			head.size = (uint32_t)((size_t)size - sizeof(head));
			assert_int_equal(pwrite(fd, &head, sizeof(head), 0), sizeof(head));
			must_be_refused(dup(fd));
		}
		close(fd);
	}
}

static void
another_version_is_refused_and_named(void **state PF_UNUSED)
{
	const struct heritage written = all();
	struct record_head head;
	int fd = write_all(&written);

	assert_int_equal(pread(fd, &head, sizeof(head), 0), sizeof(head));
	head.version++;
	assert_int_equal(pwrite(fd, &head, sizeof(head), 0), sizeof(head));
	must_be_refused(fd);
	assert_non_null(strstr(error.text, "is of version 2, and this program knows 1"));
}

static void
put_resized(struct record *record, unsigned tag, const struct record_field *field, size_t after)
{
	uint32_t before, size = (uint32_t)after;
	size_t count;
	char *place;

	memcpy(&before, field->data, sizeof(before));
	count = (field->size - sizeof(before)) / before;
	place = record_reserve(record, tag, true, sizeof(size) + count * after);
	assert_non_null(place);
	memset(place, 0xff, sizeof(size) + count * after);
	memcpy(place, &size, sizeof(size));
	for (size_t i = 0; i < count; i++)
		memcpy(place + sizeof(size) + i * after, field->data + sizeof(before) + i * before,
			before < after ? before : after);
}

/* As another version writes it: TAG's elements have that SIZE; and a field that no one knows. */
static int
write_resized(unsigned tag, size_t size, bool critical)
{
	const struct heritage written = all();
	struct record_field table[TAG__COUNT];
	struct record record = { 0 };
	struct record_head head;
	int fd = write_all(&written), other = memfd_create("other", MFD_CLOEXEC);
	char *data;

	assert_int_equal(pread(fd, &head, sizeof(head), 0), sizeof(head));
	data = malloc(head.size);
	assert_non_null(data);
	assert_int_equal(pread(fd, data, head.size, sizeof(head)), head.size);
	assert_int_equal(record_parse((struct span){ data, head.size }, table, TAG__COUNT), 0);
	for (unsigned i = 1; i < TAG__COUNT; i++) {
		if (i == tag)
			put_resized(&record, i, &table[i], size);
		else
			record_put(&record, i, true, table[i].data, table[i].size);
	}
	record_put(&record, TAG_LATER, critical, "later", strlen("later"));
	head = record_head_of(&record, 0);
	assert_int_equal(write(other, &head, sizeof(head)), sizeof(head));
	assert_int_equal(write(other, record.data, record.size), record.size);
	free(data);
	record_free(&record);
	close(fd);
	return other;
}

static void
of_larger_elements_what_is_known_counts(void **state PF_UNUSED)
{
	struct heritage heritage;

	assert_int_equal(
		read_back(&heritage, write_resized(TAG_CHILDREN, sizeof(children[0]) + 13, false)),
		0);
	must_be_all(&heritage);
	heritage_free(&heritage);
	assert_int_equal(read_back(&heritage,
				 write_resized(TAG_NUMBERS, sizeof(heritage.numbers) + 8, false)),
		0);
	must_be_all(&heritage);
	heritage_free(&heritage);
}

static void
what_smaller_elements_lack_is_zero(void **state PF_UNUSED)
{
	struct heritage heritage;

	assert_int_equal(read_back(&heritage,
				 write_resized(TAG_CHILDREN,
					 offsetof(struct heritage_child, adopted), false)),
		0);
	assert_int_equal(heritage.child_count, countof(children));
	assert_int_equal(heritage.children[1].number, CONFIG_WORKERS_MAX);
	assert_int_equal(heritage.children[1].adopted[0], 0);
	heritage_free(&heritage);
}

static void
a_critical_field_that_is_unknown_is_refused(void **state PF_UNUSED)
{
	must_be_refused(write_resized(0, 0, true));
}

static void
elements_of_no_size_are_refused(void **state PF_UNUSED)
{
	must_be_refused(write_resized(TAG_CHILDREN, 0, false));
}

static void
what_makes_no_sense_is_refused(void **state PF_UNUSED)
{
	struct heritage_child child = children[0];
	struct heritage_listener listener = listeners[1];
	struct heritage written = all();

	written.children = &child;
	written.child_count = 1;
	child.number = 0;
	must_be_refused(write_all(&written));
	child.number = CONFIG_WORKERS_MAX + 1;
	must_be_refused(write_all(&written));

	written = all();
	written.listeners = &listener;
	written.listener_count = 1;
	must_be_refused(write_all(&written));
	listener.sockets = countof(sockets);
	listener.bound_size = sizeof(listener.bound) + 1;
	must_be_refused(write_all(&written));

	written = all();
	written.numbers.seats = 0;
	must_be_refused(write_all(&written));
	written.numbers.seats = CONFIG_WORKERS_MAX + 1;
	must_be_refused(write_all(&written));
}

/* Whoever gives back what could not be read must not execute standard input. */
static void
what_is_refused_names_no_program(void **state PF_UNUSED)
{
	struct heritage heritage;
	int fd = memfd_create("empty", MFD_CLOEXEC);

	assert_int_equal(read_back(&heritage, fd), -1);
	assert_int_equal(heritage.numbers.program, -1);
	heritage_free(&heritage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_comes_out_again),
		cmocka_unit_test(lists_may_be_empty),
		cmocka_unit_test(workers_with_other_messages_are_refused),
		cmocka_unit_test(it_is_refused_wherever_it_ends),
		cmocka_unit_test(another_version_is_refused_and_named),
		cmocka_unit_test(of_larger_elements_what_is_known_counts),
		cmocka_unit_test(what_smaller_elements_lack_is_zero),
		cmocka_unit_test(a_critical_field_that_is_unknown_is_refused),
		cmocka_unit_test(elements_of_no_size_are_refused),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(what_is_refused_names_no_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
