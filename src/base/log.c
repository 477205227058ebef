#include <config.h>

#include "base/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "base/text.h"

enum {
	LIMIT_BURST = 10, /* lines of one limited kind in a window */
	LIMIT_WINDOW_MS = 1000,
	FIELD_ROOM = 32, /* punctuation and any number */
};

static struct {
	pthread_mutex_t lock; /* lines come from any thread, one at a time */
	struct sink sink;
	enum log_format format;
	atomic_int level; /* enum log_level; read without the lock */
	const char *process;
	int worker;
	int generation;
} log_state = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.sink = { .fd = 2, .kind = SINK_SHARED },
	.level = LOG_LEVEL_INFO,
	.process = "master",
};

static const char *const level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};

const char *
log_level_text(enum log_level level)
{
	return level_names[level];
}

/* As syslog(3) numbers them. */
static const int severities[] = {
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_WARN] = LOG_WARNING,
	[LOG_LEVEL_ERROR] = LOG_ERR,
};

void
log_use(struct sink *sink, enum log_format format, enum log_level level)
{
	struct sink *former = &log_state.sink;

	pthread_mutex_lock(&log_state.lock);
	sink->lost += former->lost;
	if (former->torn && sink_is_same(sink, former))
		sink->torn = true;
	if (sink->fd != former->fd)
		sink_close(former);
	*former = *sink;
	log_state.format = format;
	atomic_store_explicit(&log_state.level, (int)level, memory_order_relaxed);
	pthread_mutex_unlock(&log_state.lock);
	*sink = (struct sink){ .fd = -1 };
}

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_state.level, (int)level, memory_order_relaxed);
}

int
log_fd(void)
{
	return log_state.sink.fd;
}

uint32_t
log_kind(void)
{
	return (uint32_t)log_state.sink.kind;
}

void
log_renew(void)
{
	pthread_mutex_lock(&log_state.lock);
	sink_renew(&log_state.sink);
	pthread_mutex_unlock(&log_state.lock);
}

void
log_identify(const char *process, int worker, int generation)
{
	log_state.process = process;
	log_state.worker = worker;
	log_state.generation = generation;
}

bool
log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

static void
add_key(struct text *line, const char *key)
{
	if (log_state.format == LOG_FORMAT_JSON)
		text_printf(line, "%s\"%s\":", line->size > 1 ? "," : "", key);
	else
		text_printf(line, "%s%s=", line->size > 0 ? " " : "", key);
}

static void
add_string(struct text *line, const char *key, const char *value)
{
	add_key(line, key);
	if (log_state.format == LOG_FORMAT_LOGFMT && text_is_bare(value) &&
		strlen(value) <= line->room - line->size)
		text_add(line, value);
	else
		text_add_quoted(line, value);
}

static void
add_integer(struct text *line, const char *key, int64_t value)
{
	add_key(line, key);
	text_printf(line, "%" PRId64, value);
}

static void
add_unsigned(struct text *line, const char *key, uint64_t value)
{
	add_key(line, key);
	text_printf(line, "%" PRIu64, value);
}

static void
add_id(struct text *line, const char *key, uint64_t value)
{
	char digits[17];

	snprintf(digits, sizeof(digits), "%016" PRIx64, value);
	add_string(line, key, digits);
}

/* A field that has no room for its key and a short value is left out whole. */
static void
add_field(struct text *line, const struct log_field *field)
{
	if (line->room - line->size < strlen(field->key) + FIELD_ROOM)
		return;
	switch (field->kind) {
	case LOG_STRING:
		add_string(line, field->key, field->string != NULL ? field->string : "");
		break;
	case LOG_INTEGER:
		add_integer(line, field->key, field->integer);
		break;
	case LOG_UNSIGNED:
		add_unsigned(line, field->key, field->number);
		break;
	case LOG_ID:
		add_id(line, field->key, field->number);
		break;
	}
}

/* RFC 3339, in UTC, with milliseconds. */
static void
add_time(struct text *line)
{
	struct timespec now;
	struct tm tm;
	char seconds[32], stamp[48];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp, sizeof(stamp), "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
	add_string(line, "time", stamp);
}

static void
add_head(struct text *line, enum log_level level, const char *message)
{
	add_time(line);
	add_string(line, "level", level_names[level]);
	add_string(line, "process", log_state.process);
	if (log_state.worker > 0)
		add_integer(line, "worker", log_state.worker);
	if (log_state.generation > 0)
		add_integer(line, "generation", log_state.generation);
	add_string(line, "msg", message);
}

static void
write_line(enum log_level level, const char *message, const struct log_field *fields)
{
	char buffer[LOG_LINE_MAX];
	bool json = log_state.format == LOG_FORMAT_JSON;
	struct text line = { .data = buffer, .room = sizeof(buffer) - 2 };

	if (json)
		text_add(&line, "{");
	add_head(&line, level, message);
	for (; fields->key != NULL; fields++)
		add_field(&line, fields);
	line.room = sizeof(buffer);
	text_add(&line, json ? "}\n" : "\n");
	sink_write(&log_state.sink, severities[level], buffer, line.size);
}

/* What was lost is said as soon as the sink takes lines again. */
static void
report_lost(void)
{
	uint64_t lost = log_state.sink.lost;

	if (lost == 0)
		return;
	log_state.sink.lost = 0;
	write_line(LOG_LEVEL_WARN, "log lines lost", LOG_FIELDS(log_int("lost", (int64_t)lost)));
	if (log_state.sink.lost > 0)
		log_state.sink.lost = lost;
}

void
log_write(enum log_level level, const char *message, const struct log_field *fields)
{
	if (!log_enabled(level))
		return;
	pthread_mutex_lock(&log_state.lock);
	report_lost();
	write_line(level, message, fields);
	pthread_mutex_unlock(&log_state.lock);
}

void
log_limit_report(struct log_limit *limit, int64_t now_ms)
{
	if (limit->held == 0 || now_ms - limit->window_ms < LIMIT_WINDOW_MS)
		return;
	log_warn("similar log lines held back", log_uint("held", limit->held),
		log_str("lines", limit->message),
		limit->reason != NULL ? log_str("reason", limit->reason) : (struct log_field){ 0 });
	limit->held = 0;
}

bool
log_limit_pass(struct log_limit *limit, int64_t now_ms, const char *message, const char *reason)
{
	log_limit_report(limit, now_ms);
	if (now_ms - limit->window_ms >= LIMIT_WINDOW_MS) {
		limit->window_ms = now_ms;
		limit->written = 0;
	}
	if (limit->written < LIMIT_BURST) {
		limit->written++;
		return true;
	}
	limit->message = message;
	limit->reason = reason;
	limit->held++;
	return false;
}
