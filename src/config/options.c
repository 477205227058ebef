/* The table of options, and how to find a row of it. */
#include <config.h>

#include "config/options.h"

#include <string.h>

#include "config/nearest.h"

#define KIBIBYTE  INT64_C(1024)
#define GIBIBYTE  (1024 * 1024 * KIBIBYTE)
#define SECOND_MS INT64_C(1000)
#define DAY_MS    INT64_C(86400000)
#define YEAR_MS   (365 * DAY_MS)

/* Of a worker; what recycle_threshold takes allows for no more than four times that. */
#define REQUESTS_MAX INT64_C(10000000000)

/* Below what tcp(7) takes for TCP_KEEPIDLE, 32767 seconds; the kernel counts in seconds. */
#define KEEPALIVE_MAX_MS INT64_C(32400000)

enum {
	BACKLOG_MAX = 65535,
	SOCKET_MODE_MAX = 0777,
	THREADS_MAX = 256,
	QUEUE_MAX = 1000000,
	PIPELINE_MAX = 4096,
	REQUEST_LINES_MAX = 1000000,
};

static const struct option_word level_words[] = {
	{ "debug", LOG_LEVEL_DEBUG },
	{ "info", LOG_LEVEL_INFO },
	{ "warn", LOG_LEVEL_WARN },
	{ "error", LOG_LEVEL_ERROR },
	{ 0 },
};

static const struct option_word format_words[] = {
	{ "logfmt", LOG_FORMAT_LOGFMT },
	{ "json", LOG_FORMAT_JSON },
	{ 0 },
};

#define FRAMING_WORD(framing, name, codec) { name, framing },
static const struct option_word framing_words[] = { WIRE_FRAMINGS(FRAMING_WORD){ 0 } };

static const struct option_word length_words[] = {
	{ "1", 1 },
	{ "2", 2 },
	{ "4", 4 },
	{ "8", 8 },
	{ "varint", WIRE_VARINT },
	{ 0 },
};

static const struct option_word order_words[] = {
	{ "big", WIRE_BIG_ENDIAN },
	{ "little", WIRE_LITTLE_ENDIAN },
	{ 0 },
};

static const struct option_word dispatch_words[] = {
	{ "module", CONFIG_DISPATCH_MODULE },
	{ "inline", CONFIG_DISPATCH_INLINE },
	{ "pool", CONFIG_DISPATCH_POOL },
	{ 0 },
};

static const struct option_word priority_words[] = {
	{ "high", CONFIG_PRIORITY_HIGH },
	{ "normal", CONFIG_PRIORITY_NORMAL },
	{ "low", CONFIG_PRIORITY_LOW },
	{ 0 },
};

static const struct option_word cpu_policy_words[] = {
	{ "batch", CONFIG_CPU_POLICY_BATCH },
	{ "other", CONFIG_CPU_POLICY_OTHER },
	{ 0 },
};

static const struct option_word overload_words[] = {
	{ "wait", CONFIG_OVERLOAD_WAIT },
	{ "shed", CONFIG_OVERLOAD_SHED },
	{ 0 },
};

#define GLOBAL(member) .scope = OPTION_GLOBAL, .offset = offsetof(struct config, member)
#define LOG(member)    .scope = OPTION_LOG, .offset = offsetof(struct config, member)
#define TRACES(member) .scope = OPTION_TRACES, .offset = offsetof(struct config, member)
#define ADMIN(kind, member) \
	.scope = OPTION_ADMIN, .offset = offsetof(struct config, admin[CONFIG_ADMIN_##kind].member)
#define SERVICE(member) .scope = OPTION_SERVICE, .offset = offsetof(struct config_service, member)

/* The member that says where the option was set. */
#define GLOBAL_PLACE(member)  .place = offsetof(struct config, member##_place)
#define SERVICE_PLACE(member) .place = offsetof(struct config_service, member##_place)
#define ADMIN_PLACE(kind, member) \
	.place = offsetof(struct config, admin[CONFIG_ADMIN_##kind].member##_place)

/* clang-format off */
const struct option option_table[] = {
	{ .key = "workers", GLOBAL(workers), .type = OPTION_INTEGER,
	  .fallback = "0", .min = 0, .max = CONFIG_WORKERS_MAX },
	{ .key = "max_connections", GLOBAL(max_connections), .type = OPTION_INTEGER,
	  .fallback = "10000", .min = 1, .max = CONFIG_CONNECTIONS_MAX },
	{ .key = "threads", GLOBAL(threads), .type = OPTION_INTEGER,
	  .fallback = "4", .min = 1, .max = THREADS_MAX },
	{ .key = "queue_length", GLOBAL(queue_length), .type = OPTION_INTEGER,
	  .fallback = "1024", .min = 1, .max = QUEUE_MAX },
	{ .key = "cpu_affinity", GLOBAL(cpu_affinity), GLOBAL_PLACE(cpu_affinity),
	  .type = OPTION_STRINGS,
	  .fallback = "[]" },
	{ .key = "cpu_policy", GLOBAL(cpu_policy), .type = OPTION_WORD,
	  .fallback = "batch", .words = cpu_policy_words },
	{ .key = "user", GLOBAL(user), GLOBAL_PLACE(user),
	  .type = OPTION_STRING,
	  .fallback = "nobody", .min = 1 },
	{ .key = "group", GLOBAL(group), GLOBAL_PLACE(group),
	  .type = OPTION_STRING,
	  .fallback = "" },
	{ .key = "chroot", GLOBAL(chroot), GLOBAL_PLACE(chroot),
	  .type = OPTION_STRING,
	  .fallback = "" },
	{ .key = "pid_file", GLOBAL(pid_file), GLOBAL_PLACE(pid_file),
	  .type = OPTION_STRING, .reload = OPTION_RESTART,
	  .fallback = "" },
	{ .key = "control_socket", GLOBAL(control_socket), GLOBAL_PLACE(control_socket),
	  .type = OPTION_STRING, .reload = OPTION_RESTART,
	  .fallback = "" },
	{ .key = "drain_timeout", GLOBAL(drain_timeout_ms), .type = OPTION_DURATION,
	  .reload = OPTION_AT_ONCE,
	  .fallback = "30s", .min = 1, .max = DAY_MS },
	{ .key = "start_timeout", GLOBAL(start_timeout_ms), .type = OPTION_DURATION,
	  .reload = OPTION_AT_ONCE,
	  .fallback = "10s", .min = 1, .max = DAY_MS },
	{ .key = "watchdog_timeout", GLOBAL(watchdog_timeout_ms), .type = OPTION_DURATION,
	  .reload = OPTION_AT_ONCE,
	  .fallback = "10s", .min = 0, .max = DAY_MS, .step = SECOND_MS },
	{ .key = "worker_max_age", GLOBAL(worker_max_age_ms), .type = OPTION_DURATION,
	  .fallback = "off", .min = 0, .max = YEAR_MS, .step = SECOND_MS },
	{ .key = "worker_max_requests", GLOBAL(worker_max_requests), .type = OPTION_INTEGER,
	  .fallback = "0", .min = 0, .max = REQUESTS_MAX },
	{ .key = "worker_max_memory", GLOBAL(worker_max_memory), .type = OPTION_SIZE,
	  .fallback = "0", .min = 0, .max = 1024 * GIBIBYTE },

	{ .key = "level", LOG(log_level), .type = OPTION_WORD,
	  .reload = OPTION_AT_ONCE,
	  .fallback = "info", .words = level_words },
	{ .key = "format", LOG(log_format), .type = OPTION_WORD,
	  .reload = OPTION_AT_ONCE,
	  .fallback = "logfmt", .words = format_words },
	{ .key = "target", LOG(log_target), GLOBAL_PLACE(log_target),
	  .type = OPTION_STRING, .reload = OPTION_AT_ONCE,
	  .fallback = "stderr", .min = 1 },
	{ .key = "requests", LOG(log_requests), .type = OPTION_RATE,
	  .reload = OPTION_AT_ONCE,
	  .fallback = "off", .min = 1, .max = REQUEST_LINES_MAX },
	{ .key = "slow", LOG(log_slow_ms), .type = OPTION_DURATION,
	  .reload = OPTION_AT_ONCE,
	  .fallback = "off", .min = 0, .max = DAY_MS },

	{ .key = "endpoint", TRACES(traces_endpoint), GLOBAL_PLACE(traces_endpoint),
	  .type = OPTION_STRING, .reload = OPTION_AT_ONCE,
	  .fallback = "" },
	{ .key = "sample", TRACES(traces_sample), .type = OPTION_SHARE,
	  .reload = OPTION_AT_ONCE,
	  .fallback = "0.01" },

	{ .key = "listen", ADMIN(HTTP, listen), ADMIN_PLACE(HTTP, listen),
	  .type = OPTION_STRINGS,
	  .fallback = "[]" },
	{ .key = "agent", ADMIN(AGENT, listen), ADMIN_PLACE(AGENT, listen),
	  .type = OPTION_STRINGS,
	  .fallback = "[]" },
	{ .key = "socket_mode", ADMIN(HTTP, socket_mode), .type = OPTION_MODE,
	  .fallback = "0660", .min = 0, .max = SOCKET_MODE_MAX },
	{ .key = "socket_user", ADMIN(HTTP, socket_user), ADMIN_PLACE(HTTP, socket_user),
	  .type = OPTION_STRING,
	  .fallback = "" },
	{ .key = "socket_group", ADMIN(HTTP, socket_group), ADMIN_PLACE(HTTP, socket_group),
	  .type = OPTION_STRING,
	  .fallback = "" },

	{ .key = "listen", SERVICE(listen), SERVICE_PLACE(listen),
	  .type = OPTION_STRINGS },
	{ .key = "module", SERVICE(module), SERVICE_PLACE(module),
	  .type = OPTION_STRING, .min = 1 },
	{ .key = "framing", SERVICE(framing), .type = OPTION_WORD,
	  .fallback = "length", .words = framing_words },
	{ .key = "length_bytes", SERVICE(length_bytes), SERVICE_PLACE(length_bytes),
	  .type = OPTION_WORD,
	  .fallback = "4", .words = length_words },
	{ .key = "byte_order", SERVICE(byte_order), SERVICE_PLACE(byte_order),
	  .type = OPTION_WORD,
	  .fallback = "big", .words = order_words },
	{ .key = "length_offset", SERVICE(length_offset), SERVICE_PLACE(length_offset),
	  .type = OPTION_INTEGER,
	  .fallback = "0", .min = 0, .max = WIRE_OFFSET_MAX },
	{ .key = "length_adjust", SERVICE(length_adjust), SERVICE_PLACE(length_adjust),
	  .type = OPTION_INTEGER,
	  .fallback = "0", .min = -(WIRE_OFFSET_MAX + WIRE_FIELD_MAX), .max = GIBIBYTE },
	{ .key = "allow_empty", SERVICE(allow_empty), .type = OPTION_BOOL,
	  .fallback = "false" },
	{ .key = "max_message_size", SERVICE(max_message_size), SERVICE_PLACE(max_message_size),
	  .type = OPTION_SIZE,
	  .fallback = "1M", .min = 1, .max = GIBIBYTE },
	{ .key = "max_connections", SERVICE(max_connections), .type = OPTION_INTEGER,
	  .fallback = "0", .min = 0, .max = CONFIG_CONNECTIONS_MAX },
	{ .key = "max_connections_per_ip", SERVICE(max_connections_per_ip),
	  .type = OPTION_INTEGER,
	  .fallback = "0", .min = 0, .max = CONFIG_CONNECTIONS_MAX },
	{ .key = "accept_rate", SERVICE(accept_rate), .type = OPTION_INTEGER,
	  .fallback = "0", .min = 0, .max = CONFIG_CONNECTIONS_MAX },
	{ .key = "allow", SERVICE(allow), .type = OPTION_NETWORKS,
	  .fallback = "[]" },
	{ .key = "deny", SERVICE(deny), .type = OPTION_NETWORKS,
	  .fallback = "[]" },
	{ .key = "dispatch", SERVICE(dispatch), SERVICE_PLACE(dispatch),
	  .type = OPTION_WORD,
	  .fallback = "module", .words = dispatch_words },
	{ .key = "priority", SERVICE(priority), .type = OPTION_WORD,
	  .fallback = "normal", .words = priority_words },
	{ .key = "overload", SERVICE(overload), .type = OPTION_WORD,
	  .fallback = "wait", .words = overload_words },
	{ .key = "max_pipeline", SERVICE(max_pipeline), .type = OPTION_INTEGER,
	  .fallback = "64", .min = 1, .max = PIPELINE_MAX },
	{ .key = "max_output", SERVICE(max_output), .type = OPTION_SIZE,
	  .fallback = "4M", .min = KIBIBYTE, .max = GIBIBYTE },
	{ .key = "read_timeout", SERVICE(read_timeout_ms), .type = OPTION_DURATION,
	  .fallback = "10s", .min = 1, .max = DAY_MS },
	{ .key = "write_timeout", SERVICE(write_timeout_ms), .type = OPTION_DURATION,
	  .fallback = "10s", .min = 1, .max = DAY_MS },
	{ .key = "request_timeout", SERVICE(request_timeout_ms), .type = OPTION_DURATION,
	  .fallback = "off", .min = 0, .max = DAY_MS },
	{ .key = "idle_timeout", SERVICE(idle_timeout_ms), .type = OPTION_DURATION,
	  .fallback = "60s", .min = 0, .max = DAY_MS },
	{ .key = "heartbeat", SERVICE(heartbeat_ms), SERVICE_PLACE(heartbeat),
	  .type = OPTION_DURATION,
	  .fallback = "off", .min = 0, .max = DAY_MS },
	{ .key = "heartbeat_timeout", SERVICE(heartbeat_timeout_ms), .type = OPTION_DURATION,
	  .fallback = "10s", .min = 1, .max = DAY_MS },
	{ .key = "backlog", SERVICE(backlog), .type = OPTION_INTEGER,
	  .fallback = "4096", .min = 1, .max = BACKLOG_MAX },
	{ .key = "reuse_port", SERVICE(reuse_port), SERVICE_PLACE(reuse_port),
	  .type = OPTION_BOOL,
	  .fallback = "false" },
	{ .key = "socket_mode", SERVICE(socket_mode), .type = OPTION_MODE,
	  .fallback = "0660", .min = 0, .max = SOCKET_MODE_MAX },
	{ .key = "socket_user", SERVICE(socket_user), SERVICE_PLACE(socket_user),
	  .type = OPTION_STRING,
	  .fallback = "" },
	{ .key = "socket_group", SERVICE(socket_group), SERVICE_PLACE(socket_group),
	  .type = OPTION_STRING,
	  .fallback = "" },
	{ .key = "tcp_nodelay", SERVICE(tcp_nodelay), .type = OPTION_BOOL,
	  .fallback = "true" },
	{ .key = "tcp_keepalive", SERVICE(tcp_keepalive_ms),
	  .type = OPTION_DURATION,
	  .fallback = "30s", .min = 0, .max = KEEPALIVE_MAX_MS, .step = SECOND_MS },
};
/* clang-format on */

const size_t option_count = countof(option_table);

/* Groups stand where keys do, so a misspelt one is looked for here too. */
static const struct {
	const char *name;
	enum option_scope scope; /* in which it stands */
} groups[] = {
	{ "log", OPTION_GLOBAL },
	{ "admin", OPTION_GLOBAL },
	{ "traces", OPTION_GLOBAL },
	{ "services", OPTION_GLOBAL },
	{ "options", OPTION_SERVICE },
};

const struct option *
option_find(enum option_scope scope, const char *key)
{
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].scope == scope && strcmp(option_table[i].key, key) == 0)
			return &option_table[i];
	}
	return NULL;
}

const char *
option_nearest(enum option_scope scope, const char *word)
{
	struct nearest nearest;

	nearest_start(&nearest, word);
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].scope == scope)
			nearest_offer(&nearest, option_table[i].key);
	}
	for (size_t i = 0; i < countof(groups); i++) {
		if (groups[i].scope == scope)
			nearest_offer(&nearest, groups[i].name);
	}
	return nearest_found(&nearest);
}
