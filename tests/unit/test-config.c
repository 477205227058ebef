/*
 * The configuration: what a file and the command line may say, and what is said about what they
 * may not. Each test works in a fresh folder with files named as in the errors.
 */
#include <config.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/nearest.h"
#include "config/options.h"
#include "config/value.h"
#include "dispatch/module_options.h"

#define SERVICE(body) \
	"services = { main = { listen = \"127.0.0.1:9000\" module = \"echo\" " body " } }\n"
#define VALID SERVICE("")

/* The loader itself. */

static void
write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct config *
load_file(const char *name)
{
	struct error error = { "" };
	struct config *config = config_load(name, &error);

	if (config == NULL)
		fail_msg("%s", error.text);
	return config;
}

static struct config *
load(const char *text)
{
	write_file("x.conf", text);
	return load_file("x.conf");
}

static void
refuses_file(const char *name, const char *expected)
{
	struct error error = { "" };

	assert_null(config_load(name, &error));
	assert_string_equal(error.text, expected);
}

/* EXPECTED is the whole error. */
static void
refuses(const char *text, const char *expected)
{
	write_file("x.conf", text);
	refuses_file("x.conf", expected);
}

/* The same for a service with BODY, which stands on line 2; EXPECTED begins at the key. */
static void
refuses_in_service(const char *body, const char *expected)
{
	char text[1024], whole[1024];

	snprintf(text, sizeof(text),
		"services = { main = { listen = \"127.0.0.1:9000\" module = \"echo\"\n%s } }\n",
		body);
	snprintf(whole, sizeof(whole), "x.conf:2: services.main.%s", expected);
	refuses(text, whole);
}

static int
enter_folder(void **state)
{
	char template[] = "/tmp/test-config.XXXXXX";

	if (mkdtemp(template) == NULL || chdir(template) != 0)
		return -1;
	*state = strdup(template);
	return 0;
}

static int
remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static int
leave_folder(void **state)
{
	int failed = chdir("/") != 0 || nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0;

	free(*state);
	return failed;
}

static void
what_is_not_set_has_its_default(void **state)
{
	struct config *config = load(VALID);
	const struct config_service *service = &config->services[0];

	(void)state;
	assert_string_equal(config->path, "x.conf");
	assert_int_equal(config->workers, 0);
	assert_int_equal(config->max_connections, 10000);
	assert_string_equal(config->user, "nobody");
	assert_string_equal(config->group, "");
	assert_string_equal(config->pid_file, "");
	assert_int_equal(config->drain_timeout_ms, 30000);
	assert_int_equal(config->start_timeout_ms, 10000);
	assert_int_equal(config->threads, 4);
	assert_int_equal(config->queue_length, 1024);
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_int_equal(config->log_format, LOG_FORMAT_LOGFMT);
	assert_string_equal(config->log_target, "stderr");
	assert_int_equal(config->log_requests, 0);
	assert_int_equal(config->service_count, 1);
	assert_int_equal(service->framing, WIRE_LENGTH);
	assert_int_equal(service->length_bytes, 4);
	assert_int_equal(service->byte_order, WIRE_BIG_ENDIAN);
	assert_int_equal(service->length_offset, 0);
	assert_int_equal(service->length_adjust, 0);
	assert_false(service->allow_empty);
	assert_int_equal(service->max_message_size, 1024 * 1024);
	assert_int_equal(service->max_connections, 0);
	assert_int_equal(service->max_output, 4 * 1024 * 1024);
	assert_int_equal(service->read_timeout_ms, 10000);
	assert_int_equal(service->write_timeout_ms, 10000);
	assert_int_equal(service->idle_timeout_ms, 60000);
	assert_int_equal(service->dispatch, CONFIG_DISPATCH_MODULE);
	assert_null(service->dispatch_place.file);
	assert_int_equal(service->priority, CONFIG_PRIORITY_NORMAL);
	assert_int_equal(service->overload, CONFIG_OVERLOAD_WAIT);
	assert_int_equal(service->max_pipeline, 64);
	assert_int_equal(service->request_timeout_ms, 0);
	assert_int_equal(service->heartbeat_ms, 0);
	assert_int_equal(service->heartbeat_timeout_ms, 10000);
	assert_int_equal(service->max_connections_per_ip, 0);
	assert_int_equal(service->accept_rate, 0);
	assert_int_equal(service->allow.texts.count, 0);
	assert_int_equal(service->deny.texts.count, 0);
	assert_int_equal(service->backlog, 4096);
	assert_true(service->tcp_nodelay);
	assert_int_equal(service->tcp_keepalive_ms, 30000);
	assert_int_equal(service->option_count, 0);
	config_free(&config);
	assert_null(config);
}

static void
every_global_option_can_be_set(void **state)
{
	struct config *config = load(
		"workers = 4\nmax_connections = 7\nuser = \"a\"\n"
		"group = \"b\"\npid_file = \"/run/p\"\ndrain_timeout = \"1m\"\n"
		"start_timeout = \"500ms\"\nthreads = 256\nqueue_length = 1\n"
		"log = { requests = 1000000, level = \"debug\", format = \"json\", target = \"/var/log/p\" }\n" VALID);

	(void)state;
	assert_int_equal(config->workers, 4);
	assert_int_equal(config->max_connections, 7);
	assert_string_equal(config->user, "a");
	assert_string_equal(config->group, "b");
	assert_string_equal(config->pid_file, "/run/p");
	assert_int_equal(config->drain_timeout_ms, 60000);
	assert_int_equal(config->start_timeout_ms, 500);
	assert_int_equal(config->threads, 256);
	assert_int_equal(config->queue_length, 1);
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(config->log_format, LOG_FORMAT_JSON);
	assert_string_equal(config->log_target, "/var/log/p");
	assert_int_equal(config->log_requests, 1000000);
	config_free(&config);
}

static void
every_service_option_can_be_set(void **state)
{
	struct config *config = load(
		"services = {\n  a-1_b = {\n"
		"    listen = [ \"127.0.0.1:1\", \"[::1]:2\", \"unix:/run/s\" ]\n"
		"    module = \"/lib/m.so\"\n    length_bytes = 2\n    byte_order = \"little\"\n"
		"    framing = \"length\"\n    length_offset = 3\n    length_adjust = -5\n"
		"    allow_empty = true\n"
		"    max_message_size = 100\n    max_connections = 5\n    max_output = \"1G\"\n"
		"    read_timeout = \"1h\"\n    write_timeout = \"2s\"\n    idle_timeout = \"off\"\n"
		"  }\n}\n");
	const struct config_service *service = &config->services[0];

	(void)state;
	assert_string_equal(service->name, "a-1_b");
	assert_int_equal(service->place.line, 2);
	assert_int_equal(service->module_place.line, 4);
	assert_string_equal(service->module_place.file, "x.conf");
	assert_int_equal(service->listen.count, 3);
	assert_string_equal(service->listen.items[1], "[::1]:2");
	assert_string_equal(service->module, "/lib/m.so");
	assert_int_equal(service->length_bytes, 2);
	assert_int_equal(service->byte_order, WIRE_LITTLE_ENDIAN);
	assert_int_equal(service->length_offset, 3);
	assert_int_equal(service->length_adjust, -5);
	assert_true(service->allow_empty);
	assert_int_equal(service->max_message_size, 100);
	assert_int_equal(service->max_connections, 5);
	assert_int_equal(service->max_output, 1024 * 1024 * 1024);
	assert_int_equal(service->read_timeout_ms, 3600000);
	assert_int_equal(service->write_timeout_ms, 2000);
	assert_int_equal(service->idle_timeout_ms, 0);
	config_free(&config);
}

static void
every_limit_of_accepting_can_be_set(void **state)
{
	struct config *config = load(SERVICE(
		"max_connections_per_ip = 3 accept_rate = 100 backlog = 7 tcp_nodelay = false\n"
		"tcp_keepalive = \"1m\" allow = [ \"10.0.0.0/8\", \"::1\" ] deny = \"10.0.0.1\""));
	const struct config_service *service = &config->services[0];
	struct host host;

	(void)state;
	assert_int_equal(service->max_connections_per_ip, 3);
	assert_int_equal(service->accept_rate, 100);
	assert_int_equal(service->backlog, 7);
	assert_false(service->tcp_nodelay);
	assert_int_equal(service->tcp_keepalive_ms, 60000);
	assert_int_equal(service->allow.texts.count, 2);
	assert_string_equal(service->allow.texts.items[0], "10.0.0.0/8");
	assert_int_equal(host_parse(&host, "10.0.0.1"), 0);
	assert_true(subnet_has(&service->allow.items[0], &host));
	assert_false(subnet_has(&service->allow.items[1], &host));
	assert_int_equal(service->deny.texts.count, 1);
	assert_true(subnet_has(&service->deny.items[0], &host));
	config_free(&config);
}

static void
every_option_of_handling_messages_can_be_set(void **state)
{
	struct config *config =
		load(SERVICE("priority = \"high\" overload = \"shed\" max_pipeline = 4096\n"
			     "dispatch = \"pool\" request_timeout = \"24h\"\n"
			     "heartbeat = \"1ms\" heartbeat_timeout = \"24h\""));
	const struct config_service *service = &config->services[0];

	(void)state;
	assert_int_equal(service->dispatch, CONFIG_DISPATCH_POOL);
	assert_int_equal(service->dispatch_place.line, 2);
	assert_int_equal(service->priority, CONFIG_PRIORITY_HIGH);
	assert_int_equal(service->overload, CONFIG_OVERLOAD_SHED);
	assert_int_equal(service->max_pipeline, 4096);
	assert_int_equal(service->request_timeout_ms, 86400000);
	assert_int_equal(service->heartbeat_ms, 1);
	assert_int_equal(service->heartbeat_place.line, 3);
	assert_int_equal(service->heartbeat_timeout_ms, 86400000);
	config_free(&config);
	config = load(SERVICE("dispatch = \"inline\" priority = \"low\" overload = \"wait\""));
	assert_int_equal(config->services[0].dispatch, CONFIG_DISPATCH_INLINE);
	assert_int_equal(config->services[0].priority, CONFIG_PRIORITY_LOW);
	assert_int_equal(config->services[0].overload, CONFIG_OVERLOAD_WAIT);
	config_free(&config);
}

/* What `requests` of the group log is, if a file has it as WRITTEN. */
static int64_t
requests_of(const char *written)
{
	struct config *config;
	char text[256];
	int64_t requests;

	snprintf(text, sizeof(text), "log = { requests = %s }\n" VALID, written);
	config = load(text);
	requests = config->log_requests;
	config_free(&config);
	return requests;
}

static void
a_rate_is_a_word_or_a_number(void **state)
{
	(void)state;
	assert_int_equal(requests_of("\"off\""), 0);
	assert_true(requests_of("\"on\"") == VALUE_RATE_ALL);
	assert_int_equal(requests_of("1"), 1);
	assert_int_equal(requests_of("1000000"), 1000000);
	assert_int_equal(requests_of("\"100\""), 100);
}

/* The same for `sample` of the group traces, and as it is printed again. */
static int64_t
sample_of(const char *written, const char *printed)
{
	struct config *config;
	char text[256], expected[64], *out = NULL;
	size_t size = 0;
	int64_t sample;
	FILE *stream = open_memstream(&out, &size);

	snprintf(text, sizeof(text), "traces = { sample = %s }\n" VALID, written);
	snprintf(expected, sizeof(expected), "\tsample = %s\n", printed);
	config = load(text);
	sample = config->traces_sample;
	config_print(config, stream);
	fclose(stream);
	assert_non_null(strstr(out, expected));
	free(out);
	config_free(&config);
	return sample;
}

static void
a_share_is_a_number_from_0_to_1_with_a_fraction_or_without(void **state)
{
	(void)state;
	assert_int_equal(sample_of("0", "0"), 0);
	assert_int_equal(sample_of("0.0", "0"), 0);
	assert_int_equal(sample_of("1", "1"), 1000000);
	assert_int_equal(sample_of("1.0", "1"), 1000000);
	assert_int_equal(sample_of("0.25", "0.25"), 250000);
	assert_int_equal(sample_of("0.000001", "0.000001"), 1);
	assert_int_equal(sample_of("1e-3", "0.001"), 1000);
	assert_int_equal(sample_of("\"0.1\"", "0.1"), 100000);
}

static void
comments_lists_in_parentheses_and_joined_strings_are_libconfigs(void **state)
{
	struct config *config = load(
		"# one */ { \"\n// two (\n/* three\n } */ workers=2;\n"
		"#* no block\n"
		"services : { main : { listen = ( \"127.0.0.1:\"\n \"9000\", \"unix:a\\\"b\" ),\n"
		"module = \"e#cho\" } }");

	(void)state;
	assert_int_equal(config->workers, 2);
	assert_string_equal(config->services[0].listen.items[0], "127.0.0.1:9000");
	assert_string_equal(config->services[0].listen.items[1], "unix:a\"b");
	assert_string_equal(config->services[0].module, "e#cho");
	config_free(&config);
}

/* Errors: every one names file, line and key. */

static void
what_is_no_share_is_refused(void **state)
{
	static const char expected[] =
		" is no part of all; expected a number from 0 to 1, such as 0.01";
	static const char *const written[] = { "1.5", "-1", "2", "-0.5", "\"0x1\"", "\"nan\"",
		"\"inf\"", "\"\"", "\"0.1.2\"" };

	(void)state;
	for (size_t i = 0; i < countof(written); i++) {
		const bool quoted = written[i][0] == '"';
		char text[256], error[256];

		snprintf(text, sizeof(text), "traces = { sample = %s }\n" VALID, written[i]);
		snprintf(error, sizeof(error), "x.conf:1: traces.sample: %s%s%s%s",
			quoted ? "" : "\"", written[i], quoted ? "" : "\"", expected);
		refuses(text, error);
	}
	refuses("traces = { sample = true }\n" VALID,
		"x.conf:1: traces.sample: got true; expected a number from 0 to 1, such as 0.01");
}

static void
traces_go_to_a_numeric_address_by_http(void **state)
{
	static const char expected[] = ": expected \"http://ADDRESS:PORT/PATH\", such as "
				       "\"http://127.0.0.1:4318/v1/traces\"";
	static const struct {
		const char *endpoint, *error; /* NULL: it is right */
	} rows[] = {
		{ "", NULL },
		{ "http://127.0.0.1:4318/v1/traces", NULL },
		{ "http://[::1]:80/?a=b", NULL },
		{ "https://127.0.0.1:4318/v1/traces",
			"\"https://127.0.0.1:4318/v1/traces\" is no place for traces" },
		{ "127.0.0.1:4318", "\"127.0.0.1:4318\" is no place for traces" },
		{ "http://127.0.0.1:4318", "\"http://127.0.0.1:4318\" is no place for traces" },
		{ "http://127.0.0.1:4318/a b",
			"\"http://127.0.0.1:4318/a b\" is no place for traces" },
		{ "http://localhost:4318/", "\"localhost:4318\" is no IP address with a port" },
		{ "http://127.0.0.1:0/", "\"127.0.0.1:0\" is no IP address with a port" },
		{ "http://127.0.0.1/", "\"127.0.0.1\" is no IP address with a port" },
		{ "http://unix:x/", "\"unix:x\" is no IP address with a port" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		char text[256], error[512];
		struct config *config;

		snprintf(text, sizeof(text), "traces = { endpoint = \"%s\" }\n" VALID,
			rows[i].endpoint);
		snprintf(error, sizeof(error), "x.conf:1: traces.endpoint: %s%s",
			rows[i].error != NULL ? rows[i].error : "", expected);
		if (rows[i].error != NULL) {
			refuses(text, error);
			continue;
		}
		config = load(text);
		assert_string_equal(config->traces_endpoint, rows[i].endpoint);
		config_free(&config);
	}
}

static void
an_unknown_key_names_the_nearest(void **state)
{
	(void)state;
	refuses("\n\nworker = 4\n" VALID,
		"x.conf:3: worker: unknown key; did you mean \"workers\"?");
	refuses("serivces = {}\n", "x.conf:1: serivces: unknown key; did you mean \"services\"?");
	refuses("log = {\n levl = \"info\" }\n" VALID,
		"x.conf:2: log.levl: unknown key; did you mean \"level\"?");
	refuses_in_service(
		"idle_time = \"1s\"", "idle_time: unknown key; did you mean \"idle_timeout\"?");
	refuses_in_service("idel_timeout = \"1s\"",
		"idel_timeout: unknown key; did you mean \"idle_timeout\"?");
	refuses_in_service("option = { }", "option: unknown key; did you mean \"options\"?");
	refuses("banana = 1\n" VALID,
		"x.conf:1: banana: unknown key; expected one of preforkd.conf(5)");
}

static void
a_key_of_another_level_is_refused(void **state)
{
	(void)state;
	refuses("level = \"info\"\n" VALID,
		"x.conf:1: level: unknown key; expected one of preforkd.conf(5)");
	refuses_in_service(
		"workers = 1", "workers: is a global option; expected it at the top level");
}

static void
a_missing_key_names_the_group_that_lacks_it(void **state)
{
	(void)state;
	refuses("services = {\n\n main = { listen = \"127.0.0.1:9000\" } }\n",
		"x.conf:3: services.main.module: is missing; expected module = \"NAME\", such as "
		"\"echo\"");
	refuses("services = {\n main = { module = \"echo\" } }\n",
		"x.conf:2: services.main.listen: is missing; expected listen = [ \"ADDRESS:PORT\" "
		"], such as [ \"127.0.0.1:9000\" ]");
	refuses("services = { main = { module = \"echo\"\n listen = [] } }\n",
		"x.conf:1: services.main.listen: is missing; expected listen = [ \"ADDRESS:PORT\" "
		"], such as [ \"127.0.0.1:9000\" ]");
}

static void
a_file_without_services_is_refused(void **state)
{
	const char *expected =
		"x.conf: services: is missing; expected at least one service, as in "
		"services = { main = { listen = [ \"127.0.0.1:9000\" ] module = \"echo\" } }";

	(void)state;
	refuses("", expected);
	refuses("# nothing\n", expected);
	refuses("services = { }", expected);
}

static void
a_wrong_type_is_named_with_the_right_one(void **state)
{
	(void)state;
	refuses("workers = \"4\"\n" VALID,
		"x.conf:1: workers: got the string \"4\"; expected a "
		"whole number, without quotes");
	refuses("workers = 1.5\n" VALID,
		"x.conf:1: workers: got a number with a fraction; "
		"expected a whole number, without quotes");
	refuses("workers = true\n" VALID,
		"x.conf:1: workers: got true; expected a whole number, without quotes");
	refuses("workers = [ 1 ]\n" VALID,
		"x.conf:1: workers: got a list; expected a whole number, without quotes");
	refuses("user = 0\n" VALID,
		"x.conf:1: user: got the number 0; expected a string in quotes");
	refuses("user = { }\n" VALID, "x.conf:1: user: got a group; expected a string in quotes");
	refuses_in_service("idle_timeout = 10",
		"idle_timeout: got the number 10; expected a duration with its unit, such as "
		"\"500ms\", \"10s\" or \"5m\"");
	refuses_in_service("max_output = false",
		"max_output: got false; expected a size, such as \"64K\" or \"1M\"");
	refuses("services = { main = { module = \"echo\"\n listen = [ 9000 ] } }\n",
		"x.conf:2: services.main.listen: got the number 9000; expected a string in quotes");
}

static void
a_group_cannot_be_a_value_nor_a_value_a_group(void **state)
{
	(void)state;
	refuses("log = \"info\"\n" VALID,
		"x.conf:1: log: is no group; expected log = { level = \"info\" }");
	refuses("services = ( { } )\n",
		"x.conf:1: services: is no group; expected services = { NAME = { key = value } }");
	refuses("services = {\n main = \"echo\" }\n",
		"x.conf:2: services.main: is no group; expected a group for each service, "
		"NAME = { key = value }");
	refuses_in_service(
		"options = true", "options: is no group; expected options = { key = value }");
	refuses_in_service("options = { a = 1.5 }",
		"options.a: got a number with a fraction; "
		"expected true, false, a whole number or a string");
	refuses_in_service("options = { a = { } }",
		"options.a: got a group; expected true, false, a whole number or a string");
}

static void
a_word_has_to_be_one_of_its_list(void **state)
{
	(void)state;
	refuses("log = { level = \"inof\" }\n" VALID,
		"x.conf:1: log.level: got the string "
		"\"inof\"; expected \"debug\", \"info\", \"warn\" or \"error\"");
	refuses("log = { format = 1 }\n" VALID,
		"x.conf:1: log.format: got the number 1; expected \"logfmt\" or \"json\"");
	refuses_in_service("length_bytes = 3",
		"length_bytes: got the number 3; expected 1, 2, 4, 8 or \"varint\"");
	refuses_in_service("framing = \"lines\"",
		"framing: got the string \"lines\"; expected \"length\" or \"line\"");
	refuses_in_service("allow_empty = 1",
		"allow_empty: got the number 1; expected true or false, without quotes");
	refuses_in_service(
		"byte_order = true", "byte_order: got true; expected \"big\" or \"little\"");
	refuses_in_service("dispatch = \"thread\"",
		"dispatch: got the string \"thread\"; expected \"module\", \"inline\" or "
		"\"pool\"");
	refuses_in_service("priority = 1",
		"priority: got the number 1; expected \"high\", \"normal\" or \"low\"");
	refuses_in_service("overload = true", "overload: got true; expected \"wait\" or \"shed\"");
}

static void
numbers_have_a_range(void **state)
{
	(void)state;
	refuses("workers = 129\n" VALID,
		"x.conf:1: workers: 129 is out of range; expected 0 to 128");
	refuses("workers = -1\n" VALID, "x.conf:1: workers: -1 is out of range; expected 0 to 128");
	refuses("max_connections = 0\n" VALID,
		"x.conf:1: max_connections: 0 is out of range; expected 1 to 1000000");
	refuses("max_connections = 1000001\n" VALID,
		"x.conf:1: max_connections: 1000001 is out of range; expected 1 to 1000000");
	refuses_in_service("backlog = 0", "backlog: 0 is out of range; expected 1 to 65535");
	refuses_in_service("accept_rate = 1000001",
		"accept_rate: 1000001 is out of range; expected 0 to 1000000");
	refuses_in_service("tcp_nodelay = 1",
		"tcp_nodelay: got the number 1; expected true or false, without quotes");
	refuses_in_service("max_connections = -1",
		"max_connections: -1 is out of range; expected 0 to 1000000");
	refuses("threads = 0\n" VALID, "x.conf:1: threads: 0 is out of range; expected 1 to 256");
	refuses("threads = 257\n" VALID,
		"x.conf:1: threads: 257 is out of range; expected 1 to 256");
	refuses("queue_length = 0\n" VALID,
		"x.conf:1: queue_length: 0 is out of range; expected 1 to 1000000");
	refuses("queue_length = 1000001\n" VALID,
		"x.conf:1: queue_length: 1000001 is out of range; expected 1 to 1000000");
	refuses_in_service(
		"max_pipeline = 0", "max_pipeline: 0 is out of range; expected 1 to 4096");
	refuses_in_service(
		"max_pipeline = 4097", "max_pipeline: 4097 is out of range; expected 1 to 4096");
}

static void
a_mode_is_octal_digits_in_quotes(void **state)
{
	struct config *config = load("services = {\n"
				     "a = { listen = \"127.0.0.1:1\" module = \"echo\" }\n"
				     "b = { listen = \"127.0.0.1:2\" module = \"echo\" "
				     "socket_mode = \"0777\" }\n"
				     "c = { listen = \"127.0.0.1:3\" module = \"echo\" "
				     "socket_mode = \"6\" }\n"
				     "}");

	(void)state;
	assert_int_equal(config->services[0].socket_mode, 0660);
	assert_int_equal(config->services[1].socket_mode, 0777);
	assert_int_equal(config->services[2].socket_mode, 06);
	config_free(&config);
	refuses_in_service("socket_mode = 660",
		"socket_mode: got the number 660; expected octal digits in quotes, as in \"0660\"");
	refuses_in_service("socket_mode = \"0668\"",
		"socket_mode: \"0668\" is no mode; expected octal digits, as in \"0660\", from 0000 "
		"to 0777");
	refuses_in_service("socket_mode = \"\"",
		"socket_mode: \"\" is no mode; expected octal digits, as in \"0660\", from 0000 to "
		"0777");
	refuses_in_service("socket_mode = \"-1\"",
		"socket_mode: \"-1\" is no mode; expected octal digits, as in \"0660\", from 0000 to "
		"0777");
	refuses_in_service("socket_mode = \"u=rw\"",
		"socket_mode: \"u=rw\" is no mode; expected octal digits, as in \"0660\", from 0000 "
		"to 0777");
	refuses_in_service("socket_mode = \"1000\"",
		"socket_mode: 1000 is out of range; expected 0000 to 0777");
	refuses_in_service("socket_mode = \"7777777777777777777777777\"",
		"socket_mode: 7777777777777777777777777 is out of range; expected 0000 to 0777");
}

static void
cpus_are_auto_or_lists(void **state)
{
	struct config *config = load("cpu_affinity = [ \"0-1\", \"2,3\" ]\n" VALID);

	(void)state;
	assert_int_equal(config->cpu_affinity.count, 2);
	assert_string_equal(config->cpu_affinity.items[1], "2,3");
	config_free(&config);
	config = load("cpu_affinity = \"auto\"\n" VALID);
	assert_int_equal(config->cpu_affinity.count, 1);
	config_free(&config);
	refuses("cpu_affinity = [ \"auto\",\n\"0\" ]\n" VALID,
		"x.conf:2: cpu_affinity: \"auto\" is no list of CPUs; expected numbers and ranges "
		"from 0 to 1023, as in \"0-3,8\", or \"auto\" alone");
	refuses("cpu_affinity = [ 1 ]\n" VALID,
		"x.conf:1: cpu_affinity: got the number 1; expected a string in quotes");
}

static void
rates_have_a_range(void **state)
{
	(void)state;
	refuses("log = { requests = 0 }\n" VALID,
		"x.conf:1: log.requests: 0 is out of range; expected \"off\", \"on\" or a number "
		"from 1 to 1000000");
	refuses("log = { requests = 1000001 }\n" VALID,
		"x.conf:1: log.requests: 1000001 is out of range; expected \"off\", \"on\" or a "
		"number from 1 to 1000000");
	refuses("log = { requests = 9223372036854775807L }\n" VALID,
		"x.conf:1: log.requests: 9223372036854775807 is out of range; expected \"off\", "
		"\"on\" or a number from 1 to 1000000");
	refuses("log = { requests = \"99999999999999999999\" }\n" VALID,
		"x.conf:1: log.requests: 99999999999999999999 is out of range; expected \"off\", "
		"\"on\" or a number from 1 to 1000000");
	refuses("log = { requests = \"all\" }\n" VALID,
		"x.conf:1: log.requests: \"all\" is no rate; expected \"off\", \"on\" or a number "
		"from 1 to 1000000");
	refuses("log = { requests = \"5/s\" }\n" VALID,
		"x.conf:1: log.requests: \"5/s\" is no rate; expected \"off\", \"on\" or a number "
		"from 1 to 1000000");
	refuses("log = { requests = true }\n" VALID,
		"x.conf:1: log.requests: got true; expected \"off\", \"on\" or a number");
	refuses("log = { requests = on }\n" VALID,
		"x.conf:1: log.requests: on lacks quotes; expected \"on\"");
}

static void
sizes_have_a_range(void **state)
{
	(void)state;
	refuses_in_service("max_message_size = 0",
		"max_message_size: 0 bytes are out of range; expected 1 to 1G");
	refuses_in_service("max_message_size = \"2G\"",
		"max_message_size: 2G is out of range; expected 1 to 1G");
	refuses_in_service(
		"max_output = \"1023\"", "max_output: 1023 is out of range; expected 1K to 1G");
	refuses_in_service("max_output = \"1 M\"",
		"max_output: \"1 M\" is no size; expected "
		"bytes, as in \"64K\" or \"1M\", from 1K to 1G");
	refuses_in_service("max_output = \"99999999999999999999G\"",
		"max_output: 99999999999999999999G is out of range; expected 1K to 1G");
}

static void
durations_have_a_unit_and_a_range(void **state)
{
	(void)state;
	refuses_in_service(
		"read_timeout = \"0s\"", "read_timeout: 0s is out of range; expected 1ms to 24h");
	refuses_in_service("read_timeout = \"off\"",
		"read_timeout: \"off\" is no duration; "
		"expected a number and its unit, as in \"500ms\", \"10s\" or \"5m\", from 1ms to 24h");
	refuses_in_service("write_timeout = \"25h\"",
		"write_timeout: 25h is out of range; expected 1ms to 24h");
	refuses_in_service("idle_timeout = \"0s\"",
		"idle_timeout: 0s is out of range; expected 1ms to 24h, or \"off\"");
	refuses_in_service("idle_timeout = \"10\"",
		"idle_timeout: \"10\" is no duration; expected "
		"a number and its unit, as in \"500ms\", \"10s\" or \"5m\", from 1ms to 24h, or \"off\"");
	refuses_in_service("request_timeout = \"25h\"",
		"request_timeout: 25h is out of range; expected 1ms to 24h, or \"off\"");
	refuses_in_service("request_timeout = 5",
		"request_timeout: got the number 5; expected a duration with its unit, such as "
		"\"500ms\", \"10s\" or \"5m\"");
	refuses_in_service("heartbeat = \"0s\"",
		"heartbeat: 0s is out of range; expected 1ms to 24h, or \"off\"");
	refuses_in_service("heartbeat_timeout = \"25h\"",
		"heartbeat_timeout: 25h is out of range; expected 1ms to 24h");
	refuses_in_service("heartbeat_timeout = \"off\"",
		"heartbeat_timeout: \"off\" is no duration; expected a number and its unit, as in "
		"\"500ms\", \"10s\" or \"5m\", from 1ms to 24h");
	refuses("drain_timeout = \"-1s\"\n" VALID,
		"x.conf:1: drain_timeout: \"-1s\" is no "
		"duration; expected a number and its unit, as in \"500ms\", \"10s\" or \"5m\", from 1ms "
		"to 24h");
}

static void
an_empty_string_is_refused_where_it_means_nothing(void **state)
{
	(void)state;
	refuses("user = \"\"\n" VALID, "x.conf:1: user: is empty; expected at least one character");
	refuses("log = { target = \"\" }\n" VALID,
		"x.conf:1: log.target: is empty; expected at least one character");
	refuses("services = { main = { listen = \"127.0.0.1:9000\"\n module = \"\" } }\n",
		"x.conf:2: services.main.module: is empty; expected at least one character");
}

static void
each_address_is_checked_and_stands_once(void **state)
{
	(void)state;
	refuses("services = { main = { module = \"echo\"\n listen = \"localhost:1\" } }\n",
		"x.conf:2: services.main.listen: \"localhost\" is no IP address: expected "
		"\"ADDRESS:PORT\", \"[IPV6-ADDRESS]:PORT\" or \"unix:/PATH\"");
	refuses("services = { main = { module = \"echo\"\n"
		" listen = [ \"127.0.0.1:1\", \"127.0.0.1:1\" ] } }\n",
		"x.conf:2: services.main.listen: \"127.0.0.1:1\" is listened on by services.main "
		"already; expected each address once");
	refuses("services = { a = { module = \"echo\" listen = \"unix:/x\" }\n"
		" b = { module = \"echo\"\n listen = [ \"unix:/y\", \"unix:/x\" ] } }\n",
		"x.conf:3: services.b.listen: \"unix:/x\" is listened on by services.a already; "
		"expected each address once");
}

static void
a_unix_socket_stands_once_however_it_is_spelled(void **state)
{
	static const char *const spellings[] = { "./s", "d/../s", ".//s", "./d/.././s", "l/s" };
	char text[512], expected[512];
	struct config *config;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(symlink(".", "l"), 0);
	for (size_t i = 0; i < countof(spellings); i++) {
		snprintf(text, sizeof(text),
			"services = { a = { module = \"echo\" listen = \"unix:s\" }\n"
			" b = { module = \"echo\"\n listen = \"unix:%s\" } }\n",
			spellings[i]);
		snprintf(expected, sizeof(expected),
			"x.conf:3: services.b.listen: \"unix:%s\" is listened on by services.a "
			"already; expected each address once",
			spellings[i]);
		refuses(text, expected);
	}
	config = load(
		"services = { main = { module = \"echo\"\n"
		" listen = [ \"unix:s\", \"unix:d/s\", \"unix:t\", \"unix:none/s\", \"unix:other/s\", "
		"\"127.0.0.1:0\" ] } }\n");
	config_free(&config);
}

static void
each_network_is_checked_where_it_stands(void **state)
{
	(void)state;
	refuses("services = { main = { listen = \"127.0.0.1:9000\" module = \"echo\"\n"
		" allow = [ \"10.0.0.0/8\",\n \"10.0.0.0/33\",\n \"::1\" ] } }\n",
		"x.conf:3: services.main.allow: \"10.0.0.0/33\": \"33\" is no length of a "
		"network; expected 0 to 32");
	refuses_in_service("deny = \"example.org\"",
		"deny: \"example.org\" is no network; expected an IP address, or one with a "
		"length, as in \"10.0.0.0/8\" or \"2001:db8::/32\"");
	refuses_in_service("deny = true", "deny: got true; expected a string in quotes");
	refuses_in_service("deny = \"\"",
		"deny: \"\" is no network; expected an IP address, or one with a length, as in "
		"\"10.0.0.0/8\" or \"2001:db8::/32\"");
}

static void
keepalive_is_in_whole_seconds(void **state)
{
	(void)state;
	refuses_in_service("tcp_keepalive = \"1500ms\"",
		"tcp_keepalive: 1500ms is no multiple of 1s; expected 1s to 9h, or \"off\"");
	refuses_in_service("tcp_keepalive = \"10h\"",
		"tcp_keepalive: 10h is out of range; expected 1s to 9h, or \"off\"");
	refuses_in_service("tcp_keepalive = \"999ms\"",
		"tcp_keepalive: 999ms is out of range; expected 1s to 9h, or \"off\"");
	refuses_in_service("tcp_keepalive = \"0s\"",
		"tcp_keepalive: 0s is out of range; expected 1s to 9h, or \"off\"");
}

static void
a_message_has_to_fit_its_length_field(void **state)
{
	struct config *config;

	(void)state;
	config = load(SERVICE("length_bytes = 1"));
	assert_int_equal(config->services[0].max_message_size, 255);
	config_free(&config);
	config = load(SERVICE("length_bytes = 2 max_message_size = 65535"));
	assert_int_equal(config->services[0].max_message_size, 65535);
	config_free(&config);
	config = load(SERVICE("length_bytes = 8"));
	assert_int_equal(config->services[0].max_message_size, 1024 * 1024);
	config_free(&config);
	refuses_in_service("max_message_size = \"64K\" length_bytes = 2",
		"max_message_size: 64K does not fit a length field of 2 bytes; expected at most "
		"65535, or more length_bytes");
	refuses_in_service("length_bytes = 1 max_message_size = \"1M\"",
		"max_message_size: 1M does not fit a length field of 1 byte; expected at most 255, "
		"or more length_bytes");
}

static void
a_message_has_to_fit_its_adjusted_length(void **state)
{
	static const struct {
		const char *body;
		int64_t size;
	} sizes[] = {
		{ "length_bytes = 1 length_adjust = 300", 555 },
		{ "length_bytes = 1 length_offset = 4 length_adjust = -5", 250 },
		{ "length_bytes = \"varint\" length_adjust = -10", 1024 * 1024 },
		{ "length_bytes = 8 length_adjust = 1048576 max_message_size = \"1G\"", 1 << 30 },
		{ "length_adjust = 1048576", 1024 * 1024 },
	};

	(void)state;
	for (size_t i = 0; i < countof(sizes); i++) {
		char text[512];
		struct config *config;

		snprintf(text, sizeof(text),
			"services = { main = { listen = \"127.0.0.1:9000\" module = \"echo\" %s } }",
			sizes[i].body);
		config = load(text);
		assert_int_equal(config->services[0].max_message_size, sizes[i].size);
		config_free(&config);
	}
	refuses_in_service("length_bytes = 1 length_adjust = -1 max_message_size = 255",
		"max_message_size: 255 does not fit a length field of 1 byte; expected at most "
		"254, or more length_bytes");
	refuses_in_service("length_adjust = -5",
		"length_adjust: -5 takes off more than stands before the message; expected at "
		"least -4, the bytes of length_offset and of the length");
	refuses_in_service("length_adjust = -11 length_bytes = \"varint\"",
		"length_adjust: -11 takes off more than stands before the message; expected at "
		"least -10, the bytes of length_offset and of the length");
	refuses_in_service("length_adjust = -255 length_bytes = 1 length_offset = 254",
		"length_adjust: -255 leaves nothing of what a length of 1 byte can say; expected "
		"at least -254, or more length_bytes");
	refuses_in_service("length_adjust = 1048577",
		"length_adjust: 1048577 makes each message longer than max_message_size; expected "
		"at most 1048576");
	refuses_in_service(
		"length_offset = 1025", "length_offset: 1025 is out of range; expected 0 to 1024");
}

static void
what_a_framing_makes_no_use_of_is_refused(void **state)
{
	struct config *config = load(SERVICE(
		"framing = \"line\" length_bytes = 4 byte_order = \"big\" length_offset = 0"));

	(void)state;
	assert_int_equal(config->services[0].framing, WIRE_LINE);
	assert_int_equal(config->services[0].max_message_size, 1024 * 1024);
	config_free(&config);
	refuses_in_service("framing = \"line\" length_bytes = 2",
		"length_bytes: has a meaning with framing = \"length\" alone; expected it to be "
		"left out");
	refuses_in_service("length_bytes = \"varint\" framing = \"line\"",
		"length_bytes: has a meaning with framing = \"length\" alone; expected it to be "
		"left out");
	refuses_in_service("framing = \"line\" byte_order = \"little\"",
		"byte_order: has a meaning with framing = \"length\" alone; expected it to be "
		"left out");
	refuses_in_service("framing = \"line\" length_offset = 1",
		"length_offset: has a meaning with framing = \"length\" alone; expected it to be "
		"left out");
	refuses_in_service("framing = \"line\" length_adjust = -1",
		"length_adjust: has a meaning with framing = \"length\" alone; expected it to be "
		"left out");
	refuses_in_service("length_bytes = \"varint\" byte_order = \"little\"",
		"byte_order: has no meaning with length_bytes = \"varint\"; expected it to be left "
		"out");
}

static void
a_service_name_has_plain_characters_and_an_end(void **state)
{
	char name[80], text[256], expected[256];

	(void)state;
	refuses("services = {\n a*b = { } }\n",
		"x.conf:2: services.a*b: '*' cannot stand in a "
		"service's name; expected letters, digits, '_' and '-'");
	refuses("services = {\n 1a = { } }\n",
		"x.conf:2: services: \"1a\" cannot stand here; expected a name, which begins with "
		"a letter, or \"=\" before a value");
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	snprintf(text, sizeof(text), "services = { %s = { } }\n", name);
	snprintf(expected, sizeof(expected),
		"x.conf:1: services.%s: a service's name of 64 bytes "
		"is too long; expected at most 63",
		name);
	refuses(text, expected);
}

static void
there_are_at_most_64_services(void **state)
{
	char text[8192] = "services = {\n";

	(void)state;
	for (int i = 1; i <= CONFIG_SERVICES_MAX + 1; i++) {
		size_t size = strlen(text);

		snprintf(text + size, sizeof(text) - size,
			" s%d = { listen = \"127.0.0.1:%d\" module = \"echo\" }\n", i, i);
	}
	strlcat(text, "}\n", sizeof(text));
	refuses(text, "x.conf:66: services.s65: is one service too many; expected at most 64");
}

/* What libconfig says, or would not say. */

static void
a_key_given_twice_is_refused(void **state)
{
	(void)state;
	refuses("workers = 1\nuser = \"x\"\nworkers = 2\n",
		"x.conf:3: a key stands here for "
		"the second time; expected each key once in its group");
	refuses("services = { main = { }\n main = { } }\n",
		"x.conf:2: a key stands here for the "
		"second time; expected each key once in its group");
}

static void
a_syntax_error_has_its_line(void **state)
{
	(void)state;
	refuses("workers = 1\nuser = = 1\n",
		"x.conf:2: syntax error here or just before; "
		"expected key = value, strings in quotes, groups in braces");
	refuses("workers = 1 ?\n",
		"x.conf:1: syntax error here or just before; "
		"expected key = value, strings in quotes, groups in braces");
	refuses("a = [ \"x\", 1 ]\n",
		"x.conf:1: the items of a list differ in type; expected strings only");
	refuses("a = [ 1, \"x\" ]\n",
		"x.conf:1: the items of a list differ in type; expected strings only");
}

static void
a_string_out_of_place_is_refused(void **state)
{
	static const char expected[] = "no string can stand here; expected \"=\" between key and "
				       "value, \",\" between the items of a list";
	char whole[256];

	(void)state;
	snprintf(whole, sizeof(whole), "x.conf:2: user: %s", expected);
	refuses("workers = 1\nuser \"x\"\n", whole);
	snprintf(whole, sizeof(whole), "x.conf:1: a: %s", expected);
	refuses("a = 1 \"x\"\n", whole);
	refuses("a = [ 1 \"x\" ]\n", whole);
	snprintf(whole, sizeof(whole), "x.conf:1: %s", expected);
	refuses("\"x\"\n", whole);
	refuses("a = [ 1 ] \"x\"\n", whole);
}

static void
a_brace_that_is_missing_is_named_where_it_opened(void **state)
{
	(void)state;
	refuses("workers = 1\nservices = {\n main = {\n }\n",
		"x.conf:2: services: the \"{\" of this line is never closed; expected \"}\"");
	refuses("services = { main = {\n listen = [ \"a\" }\n}\n",
		"x.conf:2: services.main.listen: \"}\" cannot close the \"[\" of line 2; expected "
		"\"]\"");
	refuses("workers = 1\n}\n", "x.conf:2: \"}\" closes nothing; expected none here");
}

static void
strings_and_comments_have_to_end(void **state)
{
	(void)state;
	refuses("workers = 1\nuser = \"x\nworkers\n",
		"x.conf:2: user: the string that begins here never ends; expected '\"'");
	refuses("workers = 1\n/* services {\n\n}\n",
		"x.conf:2: the comment that begins here never ends; expected \"*/\"");
}

static void
words_and_units_need_quotes(void **state)
{
	(void)state;
	refuses("log = {\n level = debug }\n",
		"x.conf:2: log.level: debug lacks quotes; expected \"debug\"");
	refuses_in_service(
		"idle_timeout = 10s", "idle_timeout: 10s lacks quotes; expected \"10s\"");
	refuses_in_service(
		"options = { a = [ 1, b ] }", "options.a: b lacks quotes; expected \"b\"");
	refuses("services = { main = { listen = [\n127.0.0.1:9000 ] } }\n",
		"x.conf:2: services.main.listen: 127.0.0.1:9000 lacks quotes; expected "
		"\"127.0.0.1:9000\"");
	refuses("pid_file = /run/x.pid # here\n",
		"x.conf:1: pid_file: /run/x.pid lacks quotes; expected \"/run/x.pid\"");
}

static void
numbers_that_libconfig_would_cut_are_refused(void **state)
{
	(void)state;
	refuses("\nworkers = 99999999999999999999\n",
		"x.conf:2: workers: 99999999999999999999 is "
		"out of range; expected a number of at most 64 bits");
	refuses("workers = 99999999999999999999L\n",
		"x.conf:1: workers: 99999999999999999999L is "
		"out of range; expected a number of at most 64 bits");
	refuses("workers = -9223372036854775809L\n",
		"x.conf:1: workers: -9223372036854775809L is "
		"out of range; expected a number of at most 64 bits");
	refuses("workers = 0xFFFFFFFFFFFFFFFFL\n",
		"x.conf:1: workers: 0xFFFFFFFFFFFFFFFFL is out "
		"of range; expected a number of at most 64 bits");
	refuses("workers = 4294967296\n",
		"x.conf:1: workers: 4294967296 is too large to stand "
		"alone; expected L behind a number of more than 32 bits, as in 4294967296L");
	refuses("log = { level = 0x100000000 }\n",
		"x.conf:1: log.level: 0x100000000 is too large "
		"to stand alone; expected L behind a number of more than 32 bits, as in 0x100000000L");
	refuses("workers = 4294967296L\n" VALID,
		"x.conf:1: workers: 4294967296 is out of range; expected 0 to 128");
}

static void
numbers_in_strings_comments_and_names_are_left_alone(void **state)
{
	struct config *config =
		load("# 99999999999999999999\n/* 99999999999999999999 */\n"
		     "user = \"99999999999999999999\"// 99999999999999999999\n" SERVICE(
			     "options = { a99999999999999999999 = 0x7fffffff }"));

	(void)state;
	assert_string_equal(config->user, "99999999999999999999");
	assert_string_equal(config->services[0].options[0].key, "a99999999999999999999");
	assert_int_equal(config->services[0].options[0].integer, INT32_MAX);
	config_free(&config);
}

static void
what_is_no_text_file_is_refused(void **state)
{
	static const char zero[] = "workers = 1\n\0\n";
	FILE *file = fopen("zero.conf", "we");

	(void)state;
	assert_int_equal(fwrite(zero, 1, sizeof(zero), file), sizeof(zero));
	fclose(file);
	assert_int_equal(mkdir("folder", 0700), 0);
	refuses_file("none.conf", "none.conf: cannot open it: No such file or directory");
	refuses_file("folder", "folder: is a directory; expected a file");
	refuses_file("zero.conf", "zero.conf: holds zero bytes; expected text");
	refuses_file("/dev/zero", "/dev/zero: is too large; expected at most 1048576 bytes");
}

static void
a_file_that_may_not_be_read_is_refused(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip();
	write_file("secret.conf", VALID);
	assert_int_equal(chmod("secret.conf", 0), 0);
	refuses_file("secret.conf", "secret.conf: cannot open it: Permission denied");
}

/* Includes. */

static void
relative_and_absolute_includes_work_from_anywhere(void **state)
{
	const char *folder = *state;
	char text[PATH_MAX + 64], before[PATH_MAX], after[PATH_MAX];
	struct config *config;

	mkdir("etc", 0700);
	mkdir("etc/conf.d", 0700);
	snprintf(text, sizeof(text),
		"@include \"conf.d/log.conf\"\n@include \"%s/absolute.conf\"\n" VALID, folder);
	write_file("etc/p.conf", text);
	write_file("etc/conf.d/log.conf", "log = {\n  @include \"conf.d/level.conf\"\n}\n");
	write_file("etc/conf.d/level.conf", "level = \"warn\"");
	write_file("absolute.conf", "workers = 9\n");
	assert_non_null(getcwd(before, sizeof(before)));

	config = load_file("etc/p.conf");
	assert_int_equal(config->workers, 9);
	assert_int_equal(config->log_level, LOG_LEVEL_WARN);
	assert_string_equal(config->services[0].place.file, "etc/p.conf");
	assert_int_equal(config->services[0].place.line, 3);
	config_free(&config);
	assert_non_null(getcwd(after, sizeof(after)));
	assert_string_equal(after, before);
}

static void
an_error_in_an_included_file_names_that_file(void **state)
{
	const char *folder = *state;
	char text[PATH_MAX + 64], expected[PATH_MAX + 128];

	mkdir("sub", 0700);
	write_file("sub/p.conf", "\n@include \"i.conf\"\n" VALID);
	write_file("sub/i.conf", "workers = 1\nusr = \"x\"\n");
	refuses_file("sub/p.conf", "sub/i.conf:2: usr: unknown key; did you mean \"user\"?");
	write_file("sub/i.conf", "workers = 1\nworkers = 2\n");
	refuses_file("sub/p.conf",
		"sub/i.conf:2: a key stands here for the second time; expected "
		"each key once in its group");
	write_file("sub/i.conf", "log = {\nlevel = 99999999999\n");
	refuses_file("sub/p.conf",
		"sub/i.conf:2: log.level: 99999999999 is too large to stand "
		"alone; expected L behind a number of more than 32 bits, as in 99999999999L");
	write_file("sub/i.conf", "workers = 1 }\n");
	refuses_file("sub/p.conf", "sub/i.conf:1: \"}\" closes nothing; expected none here");

	write_file("absolute.conf", "usr = \"x\"\n");
	snprintf(text, sizeof(text), "@include \"%s/absolute.conf\"\n", folder);
	snprintf(expected, sizeof(expected),
		"%s/absolute.conf:1: usr: unknown key; did you mean \"user\"?", folder);
	refuses(text, expected);
}

static void
an_include_that_cannot_be_read_is_named(void **state)
{
	(void)state;
	mkdir("folder2", 0700);
	mkfifo("pipe", 0600);
	refuses("\n@include \"none.conf\"\n",
		"x.conf:2: @include: none.conf: cannot open it: "
		"No such file or directory");
	refuses("log = {\n@include \"folder2\"\n}\n",
		"x.conf:2: log.@include: folder2: is a directory; expected a file");
	refuses("@include \"pipe\"\n",
		"x.conf:1: @include: pipe: is a pipe or a device; expected a file");
	refuses("@include", "x.conf:1: expected @include \"FILE\", the name in plain characters");
	refuses("@include \"x",
		"x.conf:1: expected @include \"FILE\", the name in plain characters");
	refuses("@include none.conf\n",
		"x.conf:1: expected @include \"FILE\", the name in plain characters");
}

static void
a_file_that_includes_itself_is_refused(void **state)
{
	(void)state;
	refuses("\n@include \"x.conf\"\n",
		"x.conf:2: @include is nested too deep; expected at "
		"most 10 levels, and no file that includes itself");
}

static void
includes_may_be_ten_deep(void **state)
{
	struct config *config;

	(void)state;
	for (int i = 1; i < 10; i++) {
		char name[32], text[64];

		snprintf(name, sizeof(name), "deep%d.conf", i);
		snprintf(text, sizeof(text), "@include \"deep%d.conf\"\n", i + 1);
		write_file(name, text);
	}
	write_file("deep10.conf", "workers = 10\n");
	config = load("@include \"deep1.conf\"\n" VALID);
	assert_int_equal(config->workers, 10);
	config_free(&config);
}

/* The command line. */

#define LISTEN "127.0.0.1:9000"

static struct config *
from_pairs(const char *option, const char *set, struct error *error)
{
	const char *listen[] = { LISTEN, "[::1]:9000" };
	struct config_arguments arguments = { .listen = listen,
		.listen_count = countof(listen),
		.module = "echo",
		.options = &option,
		.option_count = option != NULL,
		.set = &set,
		.set_count = set != NULL };

	return config_from_arguments(&arguments, error);
}

static struct config *
from_arguments(const char *option, const char *set)
{
	struct error error = { "" };
	struct config *config = from_pairs(option, set, &error);

	if (config == NULL)
		fail_msg("%s", error.text);
	return config;
}

static void
refuses_arguments(const char *option, const char *set, const char *expected)
{
	struct error error = { "" };

	assert_null(from_pairs(option, set, &error));
	assert_string_equal(error.text, expected);
}

static void
arguments_make_one_service(void **state)
{
	struct config *config = from_arguments("tag=true", NULL);
	const struct config_service *service = &config->services[0];

	(void)state;
	assert_null(config->path);
	assert_int_equal(config->service_count, 1);
	assert_string_equal(service->name, "main");
	assert_int_equal(service->listen.count, 2);
	assert_string_equal(service->listen.items[1], "[::1]:9000");
	assert_string_equal(service->module, "echo");
	assert_int_equal(service->option_count, 1);
	assert_string_equal(service->options[0].key, "tag");
	assert_int_equal(service->options[0].kind, CONFIG_VALUE_TEXT);
	assert_string_equal(service->options[0].text, "true");
	assert_string_equal(service->options[0].place.file, "--option tag=true");
	assert_int_equal(service->options[0].place.line, 0);
	assert_string_equal(config->user, "nobody");
	config_free(&config);
}

static void
set_takes_dotted_keys(void **state)
{
	struct config *config;

	(void)state;
	config = from_arguments(NULL, "workers=2");
	assert_int_equal(config->workers, 2);
	config_free(&config);
	config = from_arguments(NULL, "log.level=debug");
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	config_free(&config);
	config = from_arguments(NULL, "services.main.idle_timeout=1s");
	assert_int_equal(config->services[0].idle_timeout_ms, 1000);
	config_free(&config);
	config = from_arguments(NULL, "length_bytes=2");
	assert_int_equal(config->services[0].length_bytes, 2);
	config_free(&config);
	config = from_arguments(NULL, "max_output=65536");
	assert_int_equal(config->services[0].max_output, 65536);
	config_free(&config);
	config = from_arguments(NULL, "pid_file=/run/a=b");
	assert_string_equal(config->pid_file, "/run/a=b");
	config_free(&config);
	config = from_arguments(NULL, "deny=10.0.0.0/8");
	assert_string_equal(config->services[0].deny.texts.items[0], "10.0.0.0/8");
	config_free(&config);
	config = from_arguments(NULL, "tcp_nodelay=false");
	assert_false(config->services[0].tcp_nodelay);
	config_free(&config);
}

static void
a_bare_key_of_both_levels_is_the_global_one(void **state)
{
	struct config *config = from_arguments(NULL, "max_connections=5");

	(void)state;
	assert_int_equal(config->max_connections, 5);
	assert_int_equal(config->services[0].max_connections, 0);
	config_free(&config);
	config = from_arguments(NULL, "services.main.max_connections=5");
	assert_int_equal(config->max_connections, 10000);
	assert_int_equal(config->services[0].max_connections, 5);
	config_free(&config);
}

static void
options_of_handling_messages_can_be_arguments(void **state)
{
	static const struct {
		const char *text;
		int64_t requests;
	} rates[] = {
		{ "log.requests=off", 0 },
		{ "log.requests=on", VALUE_RATE_ALL },
		{ "log.requests=50", 50 },
	};
	struct config *config;

	(void)state;
	for (size_t i = 0; i < countof(rates); i++) {
		config = from_arguments(NULL, rates[i].text);
		assert_true(config->log_requests == rates[i].requests);
		config_free(&config);
	}
	config = from_arguments(NULL, "threads=8");
	assert_int_equal(config->threads, 8);
	config_free(&config);
	config = from_arguments(NULL, "dispatch=pool");
	assert_int_equal(config->services[0].dispatch, CONFIG_DISPATCH_POOL);
	assert_string_equal(config->services[0].dispatch_place.file, "--set dispatch=pool");
	config_free(&config);
	config = from_arguments(NULL, "heartbeat_timeout=5s"); /* of no use, but no error */
	assert_int_equal(config->services[0].heartbeat_ms, 0);
	assert_int_equal(config->services[0].heartbeat_timeout_ms, 5000);
	config_free(&config);
}

static void
the_last_of_two_sets_counts(void **state)
{
	const char *listen = LISTEN;
	const char *set[] = { "user=a", "user=b" }, *options[] = { "k=1", "k=2" };
	struct config_arguments arguments = { .listen = &listen,
		.listen_count = 1,
		.module = "echo",
		.set = set,
		.set_count = 2,
		.options = options,
		.option_count = 2 };
	struct error error;
	struct config *config = config_from_arguments(&arguments, &error);

	(void)state;
	assert_non_null(config);
	assert_string_equal(config->user, "b");
	assert_int_equal(config->services[0].option_count, 1);
	assert_string_equal(config->services[0].options[0].text, "2");
	config_free(&config);
}

static void
errors_of_arguments_name_the_argument(void **state)
{
	(void)state;
	refuses_arguments(
		NULL, "workers=x", "--set workers=x: \"x\" is no whole number; expected 0 to 128");
	refuses_arguments(NULL, "workers=99999999999999999999",
		"--set workers=99999999999999999999: 99999999999999999999 is out of range; expected "
		"0 to 128");
	refuses_arguments(NULL, "workers", "--set workers: expected key=value");
	refuses_arguments("tag", NULL, "--option tag: expected key=value");
	refuses_arguments("=x", NULL, "--option =x: expected key=value");
	refuses_arguments("1x=x", NULL,
		"--option 1x=x: \"1x\" is no key; expected a letter, then "
		"letters, digits, '_' and '-'");
	refuses_arguments(
		NULL, "worker=1", "--set worker=1: unknown key; did you mean \"workers\"?");
	refuses_arguments(NULL, "log.levle=info",
		"--set log.levle=info: unknown key; did you mean \"log.level\"?");
	refuses_arguments(NULL, "services.main.listne=x",
		"--set services.main.listne=x: unknown key; did you mean "
		"\"services.main.listen\"?");
	refuses_arguments(NULL, "idletimeout=1s",
		"--set idletimeout=1s: unknown key; did you mean \"idle_timeout\"?");
	refuses_arguments(NULL, "a.b=1",
		"--set a.b=1: unknown key; expected one of "
		"preforkd.conf(5), such as workers, log.level or services.main.idle_timeout");
	refuses_arguments(NULL, "log.level=loud",
		"--set log.level=loud: got \"loud\"; expected "
		"\"debug\", \"info\", \"warn\" or \"error\"");
	refuses_arguments(NULL, "log.requests=yes",
		"--set log.requests=yes: \"yes\" is no rate; expected \"off\", \"on\" or a number "
		"from 1 to 1000000");
	refuses_arguments(NULL, "log.requests=0",
		"--set log.requests=0: 0 is out of range; expected \"off\", \"on\" or a number "
		"from 1 to 1000000");
	refuses_arguments(NULL, "overload=drop",
		"--set overload=drop: got \"drop\"; expected \"wait\" or \"shed\"");
	refuses_arguments(NULL, "allow=10.0.0.1/8",
		"--set allow=10.0.0.1/8: \"10.0.0.1/8\" has bits set behind its length; expected "
		"\"10.0.0.0/8\"");
	refuses_arguments(
		NULL, "module=", "--set module=: is empty; expected at least one character");
}

static void
checks_of_the_whole_name_the_argument_too(void **state)
{
	(void)state;
	refuses_arguments(NULL, "listen=" LISTEN,
		"--set listen=" LISTEN ": \"" LISTEN
		"\" is listened on by services.main already; expected each address once");
	refuses_arguments(NULL, "max_message_size=2G",
		"--set max_message_size=2G: 2G is out of range; expected 1 to 1G");
}

static void
listen_and_module_are_required(void **state)
{
	const char *listen = "nonsense";
	struct config_arguments arguments = { .listen = &listen, .listen_count = 1 };
	struct error error;

	(void)state;
	assert_null(config_from_arguments(&arguments, &error));
	assert_string_equal(error.text, "--module is missing; expected --module NAME");
	arguments.module = "echo";
	assert_null(config_from_arguments(&arguments, &error));
	assert_string_equal(error.text,
		"--listen nonsense: \"nonsense\" is no address: expected "
		"\"ADDRESS:PORT\", \"[IPV6-ADDRESS]:PORT\" or \"unix:/PATH\"");
	arguments.listen_count = 0;
	assert_null(config_from_arguments(&arguments, &error));
	assert_string_equal(error.text, "--listen is missing; expected --listen ADDRESS:PORT");
}

/* -T: what is printed is read back as the same. */

/* Points standard output at the file NAME while CONFIG is printed. */
static void
print_to(const char *name, const struct config *config)
{
	int saved, file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	fflush(stdout);
	saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(file >= 0 && saved >= 0);
	dup2(file, STDOUT_FILENO);
	config_print(config, stdout);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(file);
}

static char *
read_whole(const char *name)
{
	char *text = calloc(1, 65536);
	FILE *file = fopen(name, "re");

	assert_non_null(file);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

/* Prints CONFIG, loads that, prints it again: both texts are the same. The second is returned. */
static struct config *
print_and_load(struct config *config)
{
	struct config *again;
	char *first, *second;

	print_to("first.conf", config);
	again = load_file("first.conf");
	print_to("second.conf", again);
	first = read_whole("first.conf");
	second = read_whole("second.conf");
	assert_string_equal(first, second);
	free(first);
	free(second);
	config_free(&config);
	return again;
}

static void
the_defaults_are_printed_as_they_are_read(void **state)
{
	struct config *config = print_and_load(load(VALID));

	(void)state;
	assert_int_equal(config->workers, 0);
	assert_string_equal(config->user, "nobody");
	assert_int_equal(config->services[0].idle_timeout_ms, 60000);
	assert_int_equal(config->services[0].max_message_size, 1024 * 1024);
	config_free(&config);
}

static void
everything_is_printed_as_it_is_read(void **state)
{
	struct config *config = print_and_load(load(
		"user = \"q\\\"b\\\\s\\nn\\x01z\xc3\xa9\"\n"
		"drain_timeout = \"1500ms\"\nlog = { format = \"json\" }\n"
		"services = { a = { listen = [ \"127.0.0.1:1\", \"unix:/a b\" ] module = \"m\"\n"
		"length_bytes = 8 max_message_size = 1000 idle_timeout = \"off\"\n"
		"tcp_nodelay = false tcp_keepalive = \"off\" allow = \"::/0\"\n"
		"deny = [ \"10.0.0.0/8\", \"192.0.2.1\" ]\n"
		"options = { t = true f = false i = -5 l = 4294967296L s = \"5\" } }\n"
		"b = { listen = \"[::1]:1\" module = \"n\" length_bytes = 1 length_offset = 3\n"
		"length_adjust = -4 allow_empty = true }\n"
		"c = { listen = \"[::1]:2\" module = \"n\" framing = \"line\" }\n"
		"d = { listen = \"[::1]:3\" module = \"n\" length_bytes = \"varint\" } }\n"));
	const struct config_module_option *options = config->services[0].options;

	(void)state;
	assert_string_equal(config->user, "q\"b\\s\nn\x01z\xc3\xa9");
	assert_int_equal(config->drain_timeout_ms, 1500);
	assert_int_equal(config->log_format, LOG_FORMAT_JSON);
	assert_int_equal(config->service_count, 4);
	assert_string_equal(config->services[0].listen.items[1], "unix:/a b");
	assert_int_equal(config->services[0].max_message_size, 1000);
	assert_int_equal(config->services[0].idle_timeout_ms, 0);
	assert_false(config->services[0].tcp_nodelay);
	assert_int_equal(config->services[0].tcp_keepalive_ms, 0);
	assert_string_equal(config->services[0].allow.texts.items[0], "::/0");
	assert_int_equal(config->services[0].deny.texts.count, 2);
	assert_string_equal(config->services[0].deny.texts.items[1], "192.0.2.1");
	assert_true(config->services[1].tcp_nodelay);
	assert_int_equal(config->services[1].allow.texts.count, 0);
	assert_int_equal(config->services[1].max_message_size, 251);
	assert_int_equal(config->services[1].length_offset, 3);
	assert_int_equal(config->services[1].length_adjust, -4);
	assert_true(config->services[1].allow_empty);
	assert_int_equal(config->services[2].framing, WIRE_LINE);
	assert_int_equal(config->services[3].length_bytes, WIRE_VARINT);
	assert_int_equal(options[0].kind, CONFIG_VALUE_BOOL);
	assert_int_equal(options[0].integer, 1);
	assert_int_equal(options[1].integer, 0);
	assert_int_equal(options[2].integer, -5);
	assert_int_equal(options[3].kind, CONFIG_VALUE_INTEGER);
	assert_true(options[3].integer == INT64_C(4294967296));
	assert_int_equal(options[4].kind, CONFIG_VALUE_STRING);
	assert_string_equal(options[4].text, "5");
	config_free(&config);
}

static void
options_of_handling_messages_are_printed_as_they_are_read(void **state)
{
	struct config *config = print_and_load(
		load("threads = 2 queue_length = 1000000 log = { requests = \"on\" }\n" SERVICE(
			"dispatch = \"inline\" priority = \"low\" overload = \"shed\"\n"
			"max_pipeline = 1 request_timeout = \"1500ms\" heartbeat = \"5m\"\n"
			"heartbeat_timeout = \"1s\"")));
	const struct config_service *service = &config->services[0];

	(void)state;
	assert_int_equal(config->threads, 2);
	assert_int_equal(config->queue_length, 1000000);
	assert_true(config->log_requests == VALUE_RATE_ALL);
	assert_int_equal(service->dispatch, CONFIG_DISPATCH_INLINE);
	assert_int_equal(service->priority, CONFIG_PRIORITY_LOW);
	assert_int_equal(service->overload, CONFIG_OVERLOAD_SHED);
	assert_int_equal(service->max_pipeline, 1);
	assert_int_equal(service->request_timeout_ms, 1500);
	assert_int_equal(service->heartbeat_ms, 300000);
	assert_int_equal(service->heartbeat_timeout_ms, 1000);
	config_free(&config);
	config = print_and_load(load("log = { requests = 250 }\n" VALID));
	assert_int_equal(config->log_requests, 250);
	config_free(&config);
	config = print_and_load(load(VALID));
	assert_int_equal(config->log_requests, 0);
	assert_int_equal(config->services[0].request_timeout_ms, 0);
	assert_int_equal(config->services[0].heartbeat_ms, 0);
	config_free(&config);
}

static void
options_of_the_command_line_are_printed_by_their_looks(void **state)
{
	const char *listen = LISTEN,
		   *options[] = { "a=true", "b=-7", "c=007", "d=x y", "e=5000000000" };
	struct config_arguments arguments = { .listen = &listen,
		.listen_count = 1,
		.module = "echo",
		.options = options,
		.option_count = countof(options) };
	struct error error;
	struct config *config = print_and_load(config_from_arguments(&arguments, &error));
	const struct config_module_option *read = config->services[0].options;

	(void)state;
	assert_int_equal(read[0].kind, CONFIG_VALUE_BOOL);
	assert_int_equal(read[1].integer, -7);
	assert_string_equal(read[2].text, "007");
	assert_string_equal(read[3].text, "x y");
	assert_true(read[4].integer == INT64_C(5000000000));
	config_free(&config);
}

/* The options of modules. */

struct values {
	bool flag;
	int64_t number;
	int64_t any;
	int64_t bytes;
	int64_t wait_ms;
	const char *name;
};

static const struct pf_option module_table[] = {
	{ .key = "flag",
		.type = PF_OPTION_BOOL,
		.offset = offsetof(struct values, flag),
		.fallback = "true" },
	{ .key = "number",
		.type = PF_OPTION_INTEGER,
		.offset = offsetof(struct values, number),
		.fallback = "3",
		.min = 1,
		.max = 9 },
	{ .key = "any",
		.type = PF_OPTION_INTEGER,
		.offset = offsetof(struct values, any),
		.fallback = "-1" },
	{ .key = "bytes",
		.type = PF_OPTION_SIZE,
		.offset = offsetof(struct values, bytes),
		.fallback = "4K",
		.min = 1,
		.max = 1 << 20 },
	{ .key = "wait",
		.type = PF_OPTION_DURATION,
		.offset = offsetof(struct values, wait_ms),
		.fallback = "off",
		.min = 0,
		.max = 60000 },
	{ .key = "name",
		.type = PF_OPTION_STRING,
		.offset = offsetof(struct values, name),
		.fallback = "none" },
	{ 0 },
};

static const struct pf_module module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.name = "m",
	.options = module_table,
	.options_size = sizeof(struct values),
};

static struct values *
fill(const struct config *config)
{
	struct error error = { "" };
	void *values = NULL;

	if (module_options_fill(&module, &config->services[0], &values, &error) != 0)
		fail_msg("%s", error.text);
	return values;
}

static void
free_values(struct values *values)
{
	void *options = values;

	module_options_free(&module, &options);
	assert_null(options);
	module_options_free(&module, &options);
}

static void
refuses_filling(const struct pf_module *from, struct config *config, const char *expected)
{
	struct error error = { "" };
	void *values = NULL;

	assert_int_equal(module_options_fill(from, &config->services[0], &values, &error), -1);
	assert_null(values);
	assert_string_equal(error.text, expected);
	config_free(&config);
}

static void
refuses_module_option(const char *setting, const char *expected)
{
	char text[512];

	snprintf(text, sizeof(text),
		"services = { main = { listen = \"127.0.0.1:9000\" module = \"m\" options = {\n%s\n"
		"} } }\n",
		setting);
	refuses_filling(&module, load(text), expected);
}

static void
a_module_gets_its_defaults(void **state)
{
	struct config *config = load(VALID);
	struct values *values = fill(config);

	(void)state;
	assert_true(values->flag);
	assert_int_equal(values->number, 3);
	assert_int_equal(values->any, -1);
	assert_int_equal(values->bytes, 4096);
	assert_int_equal(values->wait_ms, 0);
	assert_string_equal(values->name, "none");
	config_free(&config);
	assert_string_equal(values->name, "none"); /* its own copy */
	free_values(values);
}

static void
a_module_gets_what_a_file_sets(void **state)
{
	struct config *config = load(SERVICE(
		"options = { flag = false number = 9 "
		"any = -9223372036854775808L bytes = \"64K\" wait = \"1s\" name = \"x\" }"));
	struct values *values = fill(config);

	(void)state;
	assert_false(values->flag);
	assert_int_equal(values->number, 9);
	assert_true(values->any == INT64_MIN);
	assert_int_equal(values->bytes, 65536);
	assert_int_equal(values->wait_ms, 1000);
	assert_string_equal(values->name, "x");
	free_values(values);
	config_free(&config);
}

static void
text_of_the_command_line_is_read_as_the_modules_type(void **state)
{
	const char *pairs[] = { "flag=false", "number=5", "bytes=100", "wait=2s", "name=007" };
	const char *listen = LISTEN;
	struct config_arguments arguments = { .listen = &listen,
		.listen_count = 1,
		.module = "m",
		.options = pairs,
		.option_count = countof(pairs) };
	struct error error;
	struct config *config = config_from_arguments(&arguments, &error);
	struct values *values = fill(config);

	(void)state;
	assert_false(values->flag);
	assert_int_equal(values->number, 5);
	assert_int_equal(values->bytes, 100);
	assert_int_equal(values->wait_ms, 2000);
	assert_string_equal(values->name, "007");
	free_values(values);
	config_free(&config);
}

static void
a_string_that_looks_like_a_number_survives_printing(void **state)
{
	struct config *config = print_and_load(from_arguments("name=5", NULL));
	struct values *values = fill(config);

	(void)state;
	assert_string_equal(values->name, "5");
	free_values(values);
	config_free(&config);
}

static void
errors_of_module_options_name_file_line_and_key(void **state)
{
	(void)state;
	refuses_module_option("flg = true",
		"x.conf:2: services.main.options.flg: unknown key; did you mean \"flag\"?");
	refuses_module_option("elephant = 1",
		"x.conf:2: services.main.options.elephant: unknown "
		"key; expected an option of the module m, such as \"flag\"");
	refuses_module_option("flag = 1",
		"x.conf:2: services.main.options.flag: got the number 1; "
		"expected true or false, without quotes");
	refuses_module_option("flag = \"true\"",
		"x.conf:2: services.main.options.flag: got the "
		"string \"true\"; expected true or false, without quotes");
	refuses_module_option("number = 10",
		"x.conf:2: services.main.options.number: 10 is out of range; expected 1 to 9");
	refuses_module_option("bytes = \"2M\"",
		"x.conf:2: services.main.options.bytes: 2M is out of range; expected 1 to 1M");
	refuses_module_option("wait = 5",
		"x.conf:2: services.main.options.wait: got the number 5; "
		"expected a duration with its unit, such as \"500ms\", \"10s\" or \"5m\"");
	refuses_module_option("wait = \"2m\"",
		"x.conf:2: services.main.options.wait: 2m is out of "
		"range; expected 1ms to 1m, or \"off\"");
}

static void
errors_of_module_options_name_the_argument(void **state)
{
	(void)state;
	refuses_filling(&module, from_arguments("flag=yes", NULL),
		"--option flag=yes: got \"yes\"; expected true or false, without quotes");
	refuses_filling(&module, from_arguments("nane=x", NULL),
		"--option nane=x: unknown key; did you mean \"name\"?");
}

static void
a_module_without_options_takes_none(void **state)
{
	const struct pf_module plain = { .name = "plain" };
	struct config *config = load(VALID);
	struct error error;
	void *values = NULL;

	(void)state;
	assert_int_equal(module_options_fill(&plain, &config->services[0], &values, &error), 0);
	assert_non_null(values);
	module_options_free(&plain, &values);
	config_free(&config);
	refuses_filling(&plain, load(SERVICE("options = { a = 1 }")),
		"x.conf:1: "
		"services.main.options.a: unknown key; the module plain has no options");
}

static void
a_table_that_points_outside_its_structure_is_refused(void **state)
{
	static const struct pf_option table[] = {
		{ .key = "far", .type = PF_OPTION_INTEGER, .offset = 4, .fallback = "1" },
		{ 0 },
	};
	const struct pf_module bad = { .name = "bad", .options = table, .options_size = 8 };

	(void)state;
	refuses_filling(&bad, load(VALID),
		"x.conf:1: module bad: its option far has an unknown "
		"type or lies outside its structure; expected a correct pf_module.options");
}

static void
a_default_that_cannot_be_read_is_the_modules_fault(void **state)
{
	static const struct pf_option table[] = {
		{ .key = "flag", .type = PF_OPTION_BOOL, .fallback = "maybe" },
		{ 0 },
	};
	const struct pf_module bad = { .name = "bad", .options = table, .options_size = 1 };

	(void)state;
	refuses_filling(&bad, load(VALID),
		"x.conf:1: module bad: the default of its option flag: "
		"got \"maybe\"; expected true or false, without quotes");
}

/* The parts. */

static void
values_are_printed_in_the_largest_exact_unit(void **state)
{
	static const struct {
		int64_t value;
		const char *size, *duration;
	} cases[] = {
		{ 0, "0", "off" },
		{ 1, "1", "1ms" },
		{ 1000, "1000", "1s" },
		{ 1024, "1K", "1024ms" },
		{ 1500, "1500", "1500ms" },
		{ 90000, "90000", "90s" },
		{ 1048576, "1M", "1048576ms" },
		{ 3600000, "3600000", "1h" },
		{ 1 << 30, "1G", "1073741824ms" },
		{ INT64_MAX, "9223372036854775807", "9223372036854775807ms" },
	};
	char text[VALUE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		value_print_size(cases[i].value, text);
		assert_string_equal(text, cases[i].size);
		value_print_duration(cases[i].value, text);
		assert_string_equal(text, cases[i].duration);
	}
}

static void
integers_are_read_to_their_last_bit(void **state)
{
	struct value_range all = { .min = INT64_MIN, .max = INT64_MAX };
	struct error error;
	int64_t value;

	(void)state;
	assert_int_equal(value_integer("9223372036854775807", all, &value, &error), 0);
	assert_true(value == INT64_MAX);
	assert_int_equal(value_integer("-9223372036854775808", all, &value, &error), 0);
	assert_true(value == INT64_MIN);
	assert_int_equal(value_integer("9223372036854775808", all, &value, &error), -1);
	assert_int_equal(value_integer("", all, &value, &error), -1);
	assert_int_equal(value_integer("-", all, &value, &error), -1);
	assert_int_equal(value_integer(" 1", all, &value, &error), -1);
	assert_int_equal(value_integer("+1", all, &value, &error), -1);
	assert_int_equal(value_integer("1 ", all, &value, &error), -1);
}

static void
sizes_that_overflow_are_out_of_range(void **state)
{
	struct value_range range = { .min = 0, .max = INT64_MAX - 1 };
	struct error error;
	int64_t value;

	(void)state;
	assert_int_equal(value_size("8589934591G", range, &value, &error), 0);
	assert_true(value == INT64_C(8589934591) << 30);
	assert_int_equal(value_size("8589934592G", range, &value, &error), -1);
	assert_int_equal(value_duration("9999999999999999h", range, &value, &error), -1);
}

static void
only_a_close_word_is_suggested(void **state)
{
	static const struct {
		const char *word, *expected;
	} cases[] = {
		{ "worker", "workers" },
		{ "wrokers", "workers" },
		{ "WORKERS", "workers" },
		{ "max-connections", "max_connections" },
		{ "users", "user" },
		{ "uesr", "user" },
		{ "pidfile", "pid_file" },
		{ "thread", "threads" },
		{ "banana", NULL },
		{ "x", NULL },
		{ "", NULL },
		{ "a_word_that_is_longer_than_any_that_could_be_meant_to_be_one_of_them", NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const char *nearest = option_nearest(OPTION_GLOBAL, cases[i].word);

		if (cases[i].expected == NULL)
			assert_null(nearest);
		else
			assert_string_equal(nearest, cases[i].expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_set_has_its_default),
		cmocka_unit_test(every_global_option_can_be_set),
		cmocka_unit_test(every_service_option_can_be_set),
		cmocka_unit_test(every_limit_of_accepting_can_be_set),
		cmocka_unit_test(every_option_of_handling_messages_can_be_set),
		cmocka_unit_test(a_rate_is_a_word_or_a_number),
		cmocka_unit_test(comments_lists_in_parentheses_and_joined_strings_are_libconfigs),
		cmocka_unit_test(an_unknown_key_names_the_nearest),
		cmocka_unit_test(a_key_of_another_level_is_refused),
		cmocka_unit_test(a_missing_key_names_the_group_that_lacks_it),
		cmocka_unit_test(a_file_without_services_is_refused),
		cmocka_unit_test(a_wrong_type_is_named_with_the_right_one),
		cmocka_unit_test(a_group_cannot_be_a_value_nor_a_value_a_group),
		cmocka_unit_test(a_word_has_to_be_one_of_its_list),
		cmocka_unit_test(numbers_have_a_range),
		cmocka_unit_test(a_mode_is_octal_digits_in_quotes),
		cmocka_unit_test(cpus_are_auto_or_lists),
		cmocka_unit_test(rates_have_a_range),
		cmocka_unit_test(a_share_is_a_number_from_0_to_1_with_a_fraction_or_without),
		cmocka_unit_test(what_is_no_share_is_refused),
		cmocka_unit_test(traces_go_to_a_numeric_address_by_http),
		cmocka_unit_test(sizes_have_a_range),
		cmocka_unit_test(durations_have_a_unit_and_a_range),
		cmocka_unit_test(an_empty_string_is_refused_where_it_means_nothing),
		cmocka_unit_test(each_address_is_checked_and_stands_once),
		cmocka_unit_test(each_network_is_checked_where_it_stands),
		cmocka_unit_test(a_unix_socket_stands_once_however_it_is_spelled),
		cmocka_unit_test(keepalive_is_in_whole_seconds),
		cmocka_unit_test(a_message_has_to_fit_its_length_field),
		cmocka_unit_test(a_message_has_to_fit_its_adjusted_length),
		cmocka_unit_test(what_a_framing_makes_no_use_of_is_refused),
		cmocka_unit_test(a_service_name_has_plain_characters_and_an_end),
		cmocka_unit_test(there_are_at_most_64_services),
		cmocka_unit_test(a_key_given_twice_is_refused),
		cmocka_unit_test(a_syntax_error_has_its_line),
		cmocka_unit_test(a_string_out_of_place_is_refused),
		cmocka_unit_test(a_brace_that_is_missing_is_named_where_it_opened),
		cmocka_unit_test(strings_and_comments_have_to_end),
		cmocka_unit_test(words_and_units_need_quotes),
		cmocka_unit_test(numbers_that_libconfig_would_cut_are_refused),
		cmocka_unit_test(numbers_in_strings_comments_and_names_are_left_alone),
		cmocka_unit_test(what_is_no_text_file_is_refused),
		cmocka_unit_test(a_file_that_may_not_be_read_is_refused),
		cmocka_unit_test(relative_and_absolute_includes_work_from_anywhere),
		cmocka_unit_test(an_error_in_an_included_file_names_that_file),
		cmocka_unit_test(an_include_that_cannot_be_read_is_named),
		cmocka_unit_test(a_file_that_includes_itself_is_refused),
		cmocka_unit_test(includes_may_be_ten_deep),
		cmocka_unit_test(arguments_make_one_service),
		cmocka_unit_test(set_takes_dotted_keys),
		cmocka_unit_test(a_bare_key_of_both_levels_is_the_global_one),
		cmocka_unit_test(options_of_handling_messages_can_be_arguments),
		cmocka_unit_test(the_last_of_two_sets_counts),
		cmocka_unit_test(errors_of_arguments_name_the_argument),
		cmocka_unit_test(checks_of_the_whole_name_the_argument_too),
		cmocka_unit_test(listen_and_module_are_required),
		cmocka_unit_test(the_defaults_are_printed_as_they_are_read),
		cmocka_unit_test(everything_is_printed_as_it_is_read),
		cmocka_unit_test(options_of_handling_messages_are_printed_as_they_are_read),
		cmocka_unit_test(options_of_the_command_line_are_printed_by_their_looks),
		cmocka_unit_test(a_module_gets_its_defaults),
		cmocka_unit_test(a_module_gets_what_a_file_sets),
		cmocka_unit_test(text_of_the_command_line_is_read_as_the_modules_type),
		cmocka_unit_test(a_string_that_looks_like_a_number_survives_printing),
		cmocka_unit_test(errors_of_module_options_name_file_line_and_key),
		cmocka_unit_test(errors_of_module_options_name_the_argument),
		cmocka_unit_test(a_module_without_options_takes_none),
		cmocka_unit_test(a_table_that_points_outside_its_structure_is_refused),
		cmocka_unit_test(a_default_that_cannot_be_read_is_the_modules_fault),
		cmocka_unit_test(values_are_printed_in_the_largest_exact_unit),
		cmocka_unit_test(integers_are_read_to_their_last_bit),
		cmocka_unit_test(sizes_that_overflow_are_out_of_range),
		cmocka_unit_test(only_a_close_word_is_suggested),
	};

	return cmocka_run_group_tests_name("config", tests, enter_folder, leave_folder);
}
