/*
 * Opening files on whose way somebody may have laid symbolic links: folders stand in one that
 * belongs to the test alone, and links are made in folders that everybody can write to, or not.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/path.h"

static char base[64];

static void
make_folder(const char *name, mode_t mode)
{
	assert_int_equal(mkdir(name, 0700), 0);
	assert_int_equal(chmod(name, mode), 0);
}

static void
make_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* What the file that PATH leads to begins with; NULL and the reason in ERROR if it is refused. */
static const char *
content(const char *path, struct error *error)
{
	static char text[32];
	int fd = path_open(path, O_RDONLY, 0, error);
	ssize_t size;

	if (fd < 0)
		return NULL;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(size >= 0);
	text[size] = '\0';
	return text;
}

static void
expect_refused(const char *path, const char *reason)
{
	struct error error = { "" };

	assert_null(content(path, &error));
	assert_non_null(strstr(error.text, reason));
	error.text[0] = '\0';
	assert_int_equal(path_check(path, &error), -1);
	assert_non_null(strstr(error.text, reason));
}

static void
expect_content(const char *path, const char *text)
{
	struct error error;
	const char *got = content(path, &error);

	if (got == NULL)
		fail_msg("%s: %s", path, error.text);
	assert_string_equal(got, text);
	assert_int_equal(path_check(path, &error), 0);
}

static int
setup(void **state PF_UNUSED)
{
	strcpy(base, "/tmp/test-path-XXXXXX");
	if (mkdtemp(base) == NULL || chdir(base) != 0)
		return -1;
	make_folder("own", 0755);
	make_folder("open", 0777);
	make_folder("sticky", 01777);
	make_folder("own/sub", 0755);
	make_folder("sticky/sub", 0755);
	make_file("own/file", "precious");
	make_file("sticky/file", "plain");
	make_file("sticky/sub/file", "below");
	return 0;
}

static int
teardown(void **state PF_UNUSED)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", base);
	return chdir("/") != 0 || system(command) != 0 ? -1 : 0;
}

static void
test_plain_paths(void **state PF_UNUSED)
{
	char absolute[128];

	expect_content("own/file", "precious");
	expect_content("./own//sub/.././file", "precious");
	expect_content("sticky/file", "plain");
	expect_content("sticky/sub/file", "below");
	snprintf(absolute, sizeof(absolute), "%s/own/file", base);
	expect_content(absolute, "precious");
	snprintf(absolute, sizeof(absolute), "//%s///own/file", base);
	expect_content(absolute, "precious");
}

static void
test_a_link_that_everybody_can_have_made_is_refused(void **state PF_UNUSED)
{
	assert_int_equal(symlink("../own/file", "open/link"), 0);
	assert_int_equal(symlink("../own/file", "sticky/link"), 0);
	assert_int_equal(symlink("../own", "sticky/folder"), 0);
	assert_int_equal(symlink("nowhere", "sticky/dangling"), 0);
	expect_refused("open/link", "open/link\" is a symbolic link in a folder that everybody");
	expect_refused(
		"sticky/link", "sticky/link\" is a symbolic link in a folder that everybody");
	expect_refused("sticky/folder/file", "sticky/folder\" is a symbolic link");
	expect_refused("sticky/folder/", "sticky/folder\" is a symbolic link");
	expect_refused("sticky/dangling", "sticky/dangling\" is a symbolic link");
}

static void
test_a_refused_link_makes_no_file(void **state PF_UNUSED)
{
	struct error error;

	assert_int_equal(symlink("../own/new", "sticky/link"), 0);
	assert_int_equal(path_open("sticky/link", O_WRONLY | O_CREAT, 0600, &error), -1);
	assert_int_equal(access("own/new", F_OK), -1);
}

static void
test_a_link_in_a_trusted_folder_is_followed(void **state PF_UNUSED)
{
	char target[128];
	struct error error;
	int fd;

	snprintf(target, sizeof(target), "%s/own/sub", base);
	assert_int_equal(symlink(target, "own/absolute"), 0);
	assert_int_equal(symlink("sub/../file", "own/relative"), 0);
	assert_int_equal(symlink("relative", "own/again"), 0);
	assert_int_equal(symlink("new", "own/dangling"), 0);
	expect_content("own/again", "precious");
	expect_content("own/absolute/../file", "precious");
	fd = path_open("own/dangling", O_WRONLY | O_CREAT, 0640, &error);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(access("own/new", F_OK), 0);
}

/* The trusted link is followed, the one that it leads to is not. */
static void
test_a_trusted_link_does_not_lead_past_a_refused_one(void **state PF_UNUSED)
{
	assert_int_equal(symlink("../own/file", "sticky/link"), 0);
	assert_int_equal(symlink("../sticky/link", "own/outside"), 0);
	assert_int_equal(symlink("../sticky", "own/folder"), 0);
	expect_refused("own/outside", "sticky/link\" is a symbolic link");
	expect_refused("own/folder/link", "sticky/link\" is a symbolic link");
	expect_content("own/folder/file", "plain");
}

/* Who may make a folder in one that is open to all may make links in that. */
static void
test_a_link_in_the_folder_of_another_below_an_open_one_is_refused(void **state PF_UNUSED)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(symlink("../../own/file", "sticky/sub/link"), 0);
	expect_content("sticky/sub/link", "precious");
	assert_int_equal(chown("sticky/sub", 65534, 65534), 0);
	expect_refused("sticky/sub/link", "in a folder of another user");
	expect_content("sticky/sub/file", "below");
}

static void
test_links_of_proc_lead_where_no_path_does(void **state PF_UNUSED)
{
	char path[64];
	int ends[2], fd;
	struct error error;

	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	fd = path_open(path, O_WRONLY, 0, &error);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(ends[0], path, sizeof(path)), 1);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static void
test_what_is_not_there_is_said(void **state PF_UNUSED)
{
	struct error error;
	char longest[5000], *name = longest + 4000;

	expect_refused("none/file", "cannot open \"none/file\": No such file or directory");
	expect_refused("own/file/x", "cannot open \"own/file/x\": Not a directory");
	assert_null(content("own/none", &error));
	assert_string_equal(error.text, "cannot open \"own/none\": No such file or directory");
	assert_int_equal(path_check("own/none", &error), 0);
	assert_int_equal(path_open("own/", O_WRONLY | O_CREAT, 0600, &error), -1);
	assert_non_null(strstr(error.text, "Is a directory"));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(content(longest, &error));
	assert_null(content(name, &error));
}

static void
test_links_in_a_circle_end(void **state PF_UNUSED)
{
	assert_int_equal(symlink("b", "own/a"), 0);
	assert_int_equal(symlink("a", "own/b"), 0);
	expect_refused("own/a", "Too many levels of symbolic links");
}

static void
test_no_descriptor_is_left_open(void **state PF_UNUSED)
{
	int before = dup(0);

	close(before);
	expect_content("own/sub/../file", "precious");
	assert_int_equal(symlink("../own/file", "sticky/link"), 0);
	expect_refused("sticky/link", "symbolic link");
	expect_refused("none/x/y", "No such file");
	assert_int_equal(dup(0), before);
	close(before);
}

#define in_folders(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_folders(test_plain_paths),
		in_folders(test_a_link_that_everybody_can_have_made_is_refused),
		in_folders(test_a_refused_link_makes_no_file),
		in_folders(test_a_link_in_a_trusted_folder_is_followed),
		in_folders(test_a_trusted_link_does_not_lead_past_a_refused_one),
		in_folders(test_a_link_in_the_folder_of_another_below_an_open_one_is_refused),
		in_folders(test_links_of_proc_lead_where_no_path_does),
		in_folders(test_what_is_not_there_is_said),
		in_folders(test_links_in_a_circle_end),
		in_folders(test_no_descriptor_is_left_open),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
