/*
 * What the quotas of control groups leave, read from trees of files like those of the kernel; and
 * lists of CPUs.
 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/cpu_list.h"
#include "process/cpus.h"

#define CGROUP "/proc/self/cgroup"
#define MOUNT  "/sys/fs/cgroup"

enum {
	FILES_MAX = 6,
	PATH_ROOM = 256,
};

/* A tree of files, ended by one without a path, and what it means. */
struct tree {
	const char *what;
	struct {
		const char *path, *text;
	} files[FILES_MAX];
	size_t quota;
};

static const struct tree trees[] = {
	{ "nothing is known", { { 0 } }, CPUS_NO_LIMIT },
	{ "version 2, no limit", { { CGROUP, "0::/a\n" }, { MOUNT "/a/cpu.max", "max 100000\n" } },
		CPUS_NO_LIMIT },
	{ "version 2, the own group",
		{ { CGROUP, "0::/a/b\n" }, { MOUNT "/a/b/cpu.max", "200000 100000\n" } }, 2 },
	{ "version 2, a part of a CPU is one",
		{ { CGROUP, "0::/a\n" }, { MOUNT "/a/cpu.max", "1000 100000\n" } }, 1 },
	{ "version 2, two and a half are three",
		{ { CGROUP, "0::/a\n" }, { MOUNT "/a/cpu.max", "250000 100000\n" } }, 3 },
	{ "version 2, a group above has less",
		{ { CGROUP, "0::/a/b/c\n" }, { MOUNT "/a/cpu.max", "300000 100000\n" },
			{ MOUNT "/a/b/cpu.max", "max 100000\n" },
			{ MOUNT "/a/b/c/cpu.max", "800000 100000\n" } },
		3 },
	{ "version 2, a container whose group is what is mounted",
		{ { CGROUP, "0::/docker/0123\n" }, { MOUNT "/cpu.max", "150000 50000\n" } }, 3 },
	{ "version 2, a name with a colon",
		{ { CGROUP, "0::/a:b\n" }, { MOUNT "/a:b/cpu.max", "400000 100000\n" } }, 4 },
	{ "version 1, cpu alone",
		{ { CGROUP, "4:memory:/m\n3:cpuset:/s\n1:cpu:/a\n0::/\n" },
			{ MOUNT "/cpu/a/cpu.cfs_quota_us", "500000\n" },
			{ MOUNT "/cpu/a/cpu.cfs_period_us", "100000\n" } },
		5 },
	{ "version 1, with cpuacct",
		{ { CGROUP, "2:cpu,cpuacct:/a\n" },
			{ MOUNT "/cpu,cpuacct/a/cpu.cfs_quota_us", "600000\n" },
			{ MOUNT "/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n" } },
		6 },
	{ "version 1, cpuacct first, mounted under the name of cpu",
		{ { CGROUP, "2:cpuacct,cpu:/a/b\n" }, { MOUNT "/cpu/cpu.cfs_quota_us", "-1\n" },
			{ MOUNT "/cpu/a/cpu.cfs_quota_us", "20000\n" },
			{ MOUNT "/cpu/a/cpu.cfs_period_us", "10000\n" } },
		2 },
	{ "version 1, no limit",
		{ { CGROUP, "1:cpu:/\n" }, { MOUNT "/cpu/cpu.cfs_quota_us", "-1\n" },
			{ MOUNT "/cpu/cpu.cfs_period_us", "100000\n" } },
		CPUS_NO_LIMIT },
	{ "version 1, cpuset and cpuacct are not cpu",
		{ { CGROUP, "3:cpuset:/a\n2:cpuacct:/a\n" },
			{ MOUNT "/cpuset/a/cpu.cfs_quota_us", "100000\n" },
			{ MOUNT "/cpuset/a/cpu.cfs_period_us", "100000\n" } },
		CPUS_NO_LIMIT },
	{ "both versions: the least",
		{ { CGROUP, "1:cpu:/a\n0::/b\n" }, { MOUNT "/cpu/a/cpu.cfs_quota_us", "700000\n" },
			{ MOUNT "/cpu/a/cpu.cfs_period_us", "100000\n" },
			{ MOUNT "/b/cpu.max", "400000 100000\n" } },
		4 },
	{ "what is no number and no line is no limit",
		{ { CGROUP, "\n:\n::\n0\n0::\n0::a\n0::/a\n" },
			{ MOUNT "/a/cpu.max", "lots of them\n" } },
		CPUS_NO_LIMIT },
	{ "nor is a quota without a period, or one of nothing",
		{ { CGROUP, "0::/a/b/c\n" }, { MOUNT "/a/cpu.max", "100000\n" },
			{ MOUNT "/a/b/cpu.max", "100000 0\n" },
			{ MOUNT "/a/b/c/cpu.max", "0 100000\n" } },
		CPUS_NO_LIMIT },
};

/* Makes each folder on the way to PATH. */
static void
make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
}

static void
make_file(const char *root, const char *name, const char *text)
{
	char path[PATH_ROOM];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	make_folders(path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
remove_tree(const char *root)
{
	char command[PATH_ROOM];

	snprintf(command, sizeof(command), "rm -r '%s'", root);
	assert_int_equal(system(command), 0);
}

static void
the_least_quota_of_all_groups_counts(void **state PF_UNUSED)
{
	for (size_t i = 0; i < countof(trees); i++) {
		char root[] = "/tmp/test-cpus.XXXXXX";
		size_t quota;

		assert_non_null(mkdtemp(root));
		for (size_t j = 0; j < FILES_MAX && trees[i].files[j].path != NULL; j++)
			make_file(root, trees[i].files[j].path, trees[i].files[j].text);
		quota = cpus_quota(root);
		remove_tree(root);
		if (quota != trees[i].quota)
			fail_msg("%s: %zu", trees[i].what, quota);
	}
}

static void
a_number_of_workers_is_taken_at_its_word(void **state PF_UNUSED)
{
	const struct config config = { .workers = CONFIG_WORKERS_MAX };

	assert_int_equal(cpus_workers(&config), CONFIG_WORKERS_MAX);
}

static void
no_number_is_at_least_one_worker_and_at_most_the_most(void **state PF_UNUSED)
{
	const struct config config = { .workers = 0 };

	assert_in_range(cpus_workers(&config), 1, CONFIG_WORKERS_MAX);
}

/* Lists, and how they are printed. */
static void
a_list_of_cpus_is_read_and_printed(void **state PF_UNUSED)
{
	static const char *const lists[][2] = {
		{ "0", "0" },
		{ "2,3", "2-3" },
		{ "0-1", "0-1" },
		{ "8,0-3,2", "0-3,8" },
		{ "5-5", "5" },
		{ "1023", "1023" },
		{ "0-1023", "0-1023" },
	};

	for (size_t i = 0; i < countof(lists); i++) {
		char text[CPU_LIST_TEXT_MAX];
		struct error error = { "" };
		cpu_set_t set;

		if (cpu_list_parse(&set, lists[i][0], &error) != 0)
			fail_msg("%s", error.text);
		cpu_list_print(&set, text);
		assert_string_equal(text, lists[i][1]);
	}
}

static void
what_is_no_list_of_cpus_is_refused(void **state PF_UNUSED)
{
	static const char *const texts[] = { "", ",", "0,", ",0", "0,,1", "-1", "0-", "3-2", "a",
		"0x1", " 0", "0 ", "0-1-2", "1024", "0-1024", "99999999999999999999", "auto" };

	for (size_t i = 0; i < countof(texts); i++) {
		struct error error = { "" };
		cpu_set_t set;

		if (cpu_list_parse(&set, texts[i], &error) == 0)
			fail_msg("\"%s\"", texts[i]);
		assert_non_null(strstr(error.text, "is no list of CPUs; expected "));
	}
}

static void
a_list_that_is_too_long_to_print_ends_with_dots(void **state PF_UNUSED)
{
	char text[CPU_LIST_TEXT_MAX];
	cpu_set_t set;

	CPU_ZERO(&set);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu += 2)
		CPU_SET(cpu, &set);
	cpu_list_print(&set, text);
	assert_memory_equal(text, "0,2,4,6,8,10,", strlen("0,2,4,6,8,10,"));
	assert_string_equal(text + strlen(text) - 3, "...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_quota_of_all_groups_counts),
		cmocka_unit_test(a_number_of_workers_is_taken_at_its_word),
		cmocka_unit_test(no_number_is_at_least_one_worker_and_at_most_the_most),
		cmocka_unit_test(a_list_of_cpus_is_read_and_printed),
		cmocka_unit_test(what_is_no_list_of_cpus_is_refused),
		cmocka_unit_test(a_list_that_is_too_long_to_print_ends_with_dots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
