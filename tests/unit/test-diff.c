/* What a reload has to do about two configurations. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/diff.h"
#include "config/options.h"

static struct config *
load(const char *text)
{
	char path[] = "/tmp/test-diff.XXXXXX";
	struct error error = { "" };
	struct config *config;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	config = config_load(path, &error);
	unlink(path);
	if (config == NULL)
		fail_msg("%s", error.text);
	return config;
}

static struct diff
diff_of(const char *before, const char *after)
{
	struct config *a = load(before), *b = load(after);
	struct diff diff;

	diff_find(&diff, a, b);
	config_free(&a);
	config_free(&b);
	return diff;
}

#define LISTEN         "listen = \"127.0.0.1:9000\" "
#define ONE            LISTEN "module = \"echo\" "
#define SERVICES(body) "services = { " body " }\n"
#define MAIN(body)     SERVICES("main = { " ONE body " }")

static void
expect(const struct diff *diff, bool new_workers, bool at_once, const struct option *restart)
{
	assert_int_equal(diff->new_workers, new_workers);
	assert_int_equal(diff->at_once, at_once);
	assert_ptr_equal(diff->restart, restart);
}

static void
the_same_configuration_needs_nothing(void **state PF_UNUSED)
{
	const char *text = "workers = 3 pid_file = \"/run/pid\" log = { level = \"warn\" }\n" MAIN(
		"allow = [ \"10.0.0.0/8\" ] options = { tag = true text = \"x\" }");
	struct diff diff = diff_of(text, text);

	expect(&diff, false, false, NULL);
}

/* Changes the value behind OPTION into another one; once more undoes that. */
static void
change(const struct option *option, void *value)
{
	static char other[] = "/other";
	static char *kept = other;
	char **string = value, *former;

	switch (option->type) {
	case OPTION_BOOL:
		*(bool *)value = !*(bool *)value;
		break;
	case OPTION_INTEGER:
	case OPTION_SIZE:
	case OPTION_DURATION:
	case OPTION_RATE:
	case OPTION_SHARE:
	case OPTION_MODE:
		*(int64_t *)value ^= 1;
		break;
	case OPTION_STRING:
		former = *string;
		*string = kept;
		kept = former;
		break;
	case OPTION_STRINGS:
		((struct config_strings *)value)->count ^= 1;
		break;
	case OPTION_NETWORKS:
		((struct config_networks *)value)->texts.count ^= 1;
		break;
	case OPTION_WORD:
		*(int *)value ^= 1;
		break;
	}
}

static char *
base_of(struct config *config, enum option_scope scope)
{
	switch (scope) {
	case OPTION_GLOBAL:
	case OPTION_LOG:
	case OPTION_TRACES:
		break;
	case OPTION_ADMIN:
		return (char *)config;
	case OPTION_SERVICE:
		return (char *)&config->services[0];
	}
	return (char *)config;
}

static void
each_option_does_what_the_table_says(void **state PF_UNUSED)
{
	const char *text = "cpu_affinity = [ \"0\" ] admin = { listen = \"127.0.0.1:1\" }\n" MAIN(
		"allow = [ \"10.0.0.0/8\" ] deny = [ \"10.1.0.0/16\" ]");
	struct config *before = load(text), *after = load(text);

	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &option_table[i];
		char *base = base_of(after, option->scope);
		struct diff diff;

		change(option, base + option->offset);
		diff_find(&diff, before, after);
		change(option, base + option->offset);
		expect(&diff, option->reload == OPTION_NEW_WORKERS,
			option->reload == OPTION_AT_ONCE,
			option->reload == OPTION_RESTART ? option : NULL);
	}
	config_free(&before);
	config_free(&after);
}

/* What does not come from the table of options is for new workers alone. */
static void
services_and_module_options_need_new_workers(void **state PF_UNUSED)
{
	static const struct {
		const char *before, *after;
		bool new_workers;
	} rows[] = {
#define A "a = { " ONE " } "
#define B "b = { listen = \"127.0.0.1:9001\" module = \"echo\" } "
		{ SERVICES(A B), SERVICES(A B), false },
		{ SERVICES(A), SERVICES(A B), true },
		{ SERVICES(A B), SERVICES(A), true },
		{ SERVICES(A), SERVICES("c = { " ONE " }"), true },
		{ SERVICES(A B), SERVICES(B A), true },
		{ SERVICES(A B),
			SERVICES("a = { listen = \"127.0.0.1:9001\" module = \"echo\" } "
				 "b = { " ONE " }"),
			true },
		{ MAIN(""), MAIN("options = { }"), false },
		{ MAIN(""), MAIN("options = { tag = true }"), true },
		{ MAIN("options = { tag = true }"), MAIN(""), true },
		{ MAIN("options = { tag = true }"), MAIN("options = { tag = false }"), true },
		{ MAIN("options = { tag = true }"), MAIN("options = { gat = true }"), true },
		{ MAIN("options = { tag = true }"), MAIN("options = { tag = 1 }"), true },
		{ MAIN("options = { tag = 1 }"), MAIN("options = { tag = \"1\" }"), true },
		{ MAIN("options = { text = \"x\" }"), MAIN("options = { text = \"y\" }"), true },
		{ MAIN("options = { x = 1 }"), MAIN("options = { x = 1 }"), false },
		{ MAIN("allow = [ \"10.0.0.0/8\" ]"), MAIN("allow = [ \"10.0.0.0/9\" ]"), true },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct diff diff = diff_of(rows[i].before, rows[i].after);

		if (diff.new_workers != rows[i].new_workers)
			fail_msg("%s -> %s", rows[i].before, rows[i].after);
		expect(&diff, rows[i].new_workers, false, NULL);
	}
}

static void
several_changes_are_all_found(void **state PF_UNUSED)
{
	struct diff diff = diff_of(
		MAIN(""), "drain_timeout = \"1s\" pid_file = \"/run/pid\" threads = 3\n" MAIN(""));

	expect(&diff, true, true, option_find(OPTION_GLOBAL, "pid_file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_configuration_needs_nothing),
		cmocka_unit_test(each_option_does_what_the_table_says),
		cmocka_unit_test(services_and_module_options_need_new_workers),
		cmocka_unit_test(several_changes_are_all_found),
	};

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
