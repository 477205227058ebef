/* Log lines: quoting, escapes, JSON, and lines that are too long; and changing where they go. */
#include <config.h>

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/text.h"

static char path[] = "/tmp/test-log-XXXXXX";
static char line[2 * LOG_LINE_MAX];

static const char *
read_line(void)
{
	int fd = open(path, O_RDONLY);
	ssize_t size = read(fd, line, sizeof(line) - 1);

	close(fd);
	assert_true(size >= 0);
	line[size] = '\0';
	return line;
}

/* Has lines go to TARGET from now on. */
static int
use(const char *target, enum log_format format, enum log_level level)
{
	struct error error;
	struct sink sink;

	if (sink_open(&sink, target, &error) != 0)
		return -1;
	log_use(&sink, format, level);
	return 0;
}

static void
open_log(enum log_format format, enum log_level level)
{
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(use(path, format, level), 0);
	log_identify("worker", 2, 5);
}

static int
setup(void **state PF_UNUSED)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int
teardown(void **state PF_UNUSED)
{
	unlink(path);
	return use("stderr", LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
}

static void
test_logfmt(void **state PF_UNUSED)
{
	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	log_info("two words", log_str("bare", "a/b:c"), log_str("quoted", "a=\"b\"\n"),
		log_str("empty", ""), log_int("number", -5), log_id("id", 0xabc));
	assert_non_null(strstr(read_line(),
		"Z level=info process=worker worker=2 generation=5 "
		"msg=\"two words\" bare=a/b:c quoted=\"a=\\\"b\\\"\\n\" empty=\"\" number=-5 "
		"id=0000000000000abc\n"));
	assert_memory_equal(line, "time=20", 7);
}

static void
test_json(void **state PF_UNUSED)
{
	open_log(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
	log_info("said", log_str("text", "tab\t bell\a \\ \"q\" \x7f"), log_int("number", 7));
	assert_non_null(strstr(read_line(),
		"\"msg\":\"said\",\"text\":\"tab\\t bell\\u0007 "
		"\\\\ \\\"q\\\" \\u007f\",\"number\":7}\n"));
	assert_memory_equal(line, "{\"time\":\"20", 11);
}

static void
test_levels(void **state PF_UNUSED)
{
	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_WARN);
	log_info("not this");
	log_warn("but this");
	assert_null(strstr(read_line(), "not this"));
	assert_non_null(strstr(line, "but this"));
	assert_false(log_enabled(LOG_LEVEL_INFO));
	assert_true(log_enabled(LOG_LEVEL_ERROR));
}

static void
test_too_long(void **state PF_UNUSED)
{
	static char huge[2 * LOG_LINE_MAX];
	size_t size;

	memset(huge, '\n', sizeof(huge) - 1);
	open_log(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
	log_info("long", log_str("huge", huge), log_str("last", "left out"));
	size = strlen(read_line());
	assert_in_range(size, LOG_LINE_MAX - 64, LOG_LINE_MAX);
	assert_string_equal(line + size - 5, "\\n\"}\n");
	assert_ptr_equal(strchr(line, '\n'), line + size - 1);
}

/* Lines that are no text at all: what stands in a log is UTF-8 all the same. */
static void
test_utf8(void **state PF_UNUSED)
{
	static const struct {
		const char *raw, *quoted;
	} rows[] = {
		{ "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
		{ "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
		{ "\xff", "\"\xef\xbf\xbd\"" },
		{ "\xc3", "\"\xef\xbf\xbd\"" },
		{ "\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xed\xa0\x80x", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"" },
		{ "\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		char buffer[64] = "";
		struct text text = { .data = buffer, .room = sizeof(buffer) - 1 };

		text_add_quoted(&text, rows[i].raw);
		assert_string_equal(buffer, rows[i].quoted);
	}
}

static void
test_limit(void **state PF_UNUSED)
{
	struct log_limit limit = { 0 };
	int passed = 0;

	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	for (int i = 0; i < 100; i++)
		passed += log_limit_pass(&limit, 5000, "a flood", NULL);
	assert_int_equal(passed, 10);
	assert_true(log_limit_pass(&limit, 6000, "a flood", NULL));
	assert_non_null(strstr(read_line(), " held=90 lines=\"a flood\"\n"));
}

static void
test_limit_of_one_reason(void **state PF_UNUSED)
{
	struct log_limit limit = { 0 };

	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	for (int i = 0; i < 12; i++)
		log_limit_pass(&limit, 5000, "refused", "deny");
	log_limit_report(&limit, 5999);
	assert_string_equal(read_line(), "");
	log_limit_report(&limit, 6000);
	assert_non_null(strstr(read_line(), " held=2 lines=refused reason=deny\n"));
}

/* A target that cannot be opened, or is opened and not yet used, changes nothing. */
static void
test_opening_changes_nothing(void **state PF_UNUSED)
{
	struct error error;
	struct sink sink;

	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	assert_int_equal(sink_open(&sink, "/nonexistent/log", &error), -1);
	assert_non_null(strstr(error.text, "/nonexistent/log"));
	assert_int_equal(sink_open(&sink, "/", &error), -1);
	assert_int_equal(sink_open(&sink, "/dev/null", &error), 0);
	log_info("still here");
	sink_close(&sink);
	assert_non_null(strstr(read_line(), "still here"));
}

static void
test_what_was_lost_is_told_to_the_next_target(void **state PF_UNUSED)
{
	assert_int_equal(use("/dev/full", LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO), 0);
	for (int i = 0; i < 3; i++)
		log_info("lost");
	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	log_info("kept");
	assert_non_null(strstr(read_line(), "msg=\"log lines lost\" lost=3\n"));
	assert_non_null(strstr(line, "msg=kept\n"));
}

/* As a worker takes over what the master has opened and sent. */
static void
test_adopt(void **state PF_UNUSED)
{
	struct error error;
	struct sink sink;
	uint32_t kind;
	int fd;

	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	kind = log_kind();
	fd = dup(log_fd());
	assert_int_equal(kind, SINK_FILE);
	assert_int_equal(use("/dev/full", LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO), 0);
	log_info("lost");
	assert_int_equal(sink_adopt(&sink, fd, SINK_KINDS, &error), -1);
	assert_int_equal(sink_adopt(&sink, -1, kind, &error), -1);
	assert_int_equal(sink_adopt(&sink, fd, kind, &error), 0);
	log_use(&sink, LOG_FORMAT_JSON, LOG_LEVEL_WARN);
	assert_int_equal(log_fd(), fd);
	log_info("below the level");
	log_warn("adopted");
	assert_non_null(strstr(read_line(), "\"msg\":\"log lines lost\",\"lost\":1}\n"));
	assert_non_null(strstr(line, "\"msg\":\"adopted\"}\n"));
	assert_null(strstr(line, "below"));
}

static void
test_former_descriptor_is_closed_but_for_standard_error(void **state PF_UNUSED)
{
	struct sink sink = { .fd = STDERR_FILENO, .kind = SINK_FILE };
	int fd;

	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	fd = log_fd();
	log_use(&sink, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(log_fd(), STDERR_FILENO);
	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	assert_int_not_equal(fcntl(STDERR_FILENO, F_GETFD), -1);
}

/* A line that a full disk has cut is ended before the next, in the same file opened anew too. */
static void
test_torn_line(void **state PF_UNUSED)
{
	struct sink sink;
	struct error error;
	int file;

	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(file, "time=cut", 8), 8);
	close(file);
	assert_int_equal(sink_open(&sink, path, &error), 0);
	sink.torn = true;
	log_use(&sink, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	assert_int_equal(use(path, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO), 0);
	log_info("next");
	assert_memory_equal(read_line(), "time=cut\ntime=20", 16);
}

enum {
	WRITERS = 4,
	LINES_EACH = 2000,
};

static void *
write_lines(void *arg PF_UNUSED)
{
	for (int i = 0; i < LINES_EACH; i++)
		log_info("one of many", log_int("i", i));
	return NULL;
}

static int
count_lines(void)
{
	FILE *file = fopen(path, "r");
	int count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		assert_memory_equal(line, "time=20", 7);
		assert_non_null(strstr(line, "msg=\"one of many\" i="));
		count++;
	}
	fclose(file);
	return count;
}

/* Lines of threads go to one sink or the other, whole, while the loop's thread changes it. */
static void
test_changing_it_under_threads(void **state PF_UNUSED)
{
	pthread_t writers[WRITERS];

	open_log(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, write_lines, NULL), 0);
	for (int i = 0; i < 500; i++)
		assert_int_equal(use(path, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO), 0);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	assert_int_equal(count_lines(), WRITERS * LINES_EACH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logfmt),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_limit_of_one_reason),
		cmocka_unit_test(test_opening_changes_nothing),
		cmocka_unit_test(test_what_was_lost_is_told_to_the_next_target),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_former_descriptor_is_closed_but_for_standard_error),
		cmocka_unit_test(test_torn_line),
		cmocka_unit_test(test_changing_it_under_threads),
	};

	return cmocka_run_group_tests_name("log", tests, setup, teardown);
}
