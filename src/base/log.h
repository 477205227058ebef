/*
 * One line an event, logfmt or JSON, to a file, pipe, terminal, socket or syslog, without ever
 * waiting.
 *
 *	log_warn("worker died", log_int("pid", pid), log_str("signal", name));
 *
 * The sink is the one piece of state that a process keeps in a file: whoever logs needs no handle.
 * Lines can be written on any thread, even while the loop's thread changes where they go; all else
 * is the loop's.
 *
 * To change the log of a running server, the master opens the target with sink_open(), which
 *changes nothing yet and may fail. It makes the sink its log with log_use(), and sends log_kind()
 *and log_fd() to each worker, which makes a sink of them with sink_adopt(), and that its log.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/sink.h"

enum {
	LOG_LINE_MAX = 4096, /* bytes of a line: what a pipe takes whole (PIPE_BUF) */
};

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
};

/* The word for LEVEL, in lines and for people. */
const char *log_level_text(enum log_level level);

enum log_format {
	LOG_FORMAT_LOGFMT,
	LOG_FORMAT_JSON,
};

/* A key and its value, borrowed until the line is written. */
struct log_field {
	const char *key;
	enum { LOG_STRING, LOG_INTEGER, LOG_UNSIGNED, LOG_ID } kind;
	union {
		const char *string;
		int64_t integer;
		uint64_t number;
	};
};

static inline struct log_field
log_str(const char *key, const char *value)
{
	return (struct log_field){ .key = key, .kind = LOG_STRING, .string = value };
}

static inline struct log_field
log_int(const char *key, int64_t value)
{
	return (struct log_field){ .key = key, .kind = LOG_INTEGER, .integer = value };
}

static inline struct log_field
log_uint(const char *key, uint64_t value)
{
	return (struct log_field){ .key = key, .kind = LOG_UNSIGNED, .number = value };
}

/* Printed as 16 hexadecimal digits. */
static inline struct log_field
log_id(const char *key, uint64_t value)
{
	return (struct log_field){ .key = key, .kind = LOG_ID, .number = value };
}

/* Lines of one kind that a peer can provoke: BURST at once, then as many a second. */
struct log_limit {
	const char *message; /* of the lines held back */
	const char *reason;  /* of all of them; NULL: they may differ */
	int64_t window_ms;   /* start of the current second */
	unsigned written;    /* lines in it */
	unsigned held;       /* lines kept back since the last one written */
};

/*
 * Writes to *SINK from now on, which is taken, in this format and from this level on. The former
 * sink is closed; what it has lost and not yet said, the new one says.
 */
void log_use(struct sink *sink, enum log_format format, enum log_level level);

/* The same log, from another level on. */
void log_set_level(enum log_level level);

/* The sink's descriptor, for the list of what a child keeps, and to be sent; the log keeps it. */
int log_fd(void);

/* How that descriptor is to be written: for sink_adopt() in the process that gets it. */
uint32_t log_kind(void);

/*
 * Now and then, in a process that sees /dev/log: finds a syslogd that has been started anew, for
 * all processes that share its socket.
 */
void log_renew(void);

/* Who writes: put into each line of this process from now on. PROCESS is a literal. */
void log_identify(const char *process, int worker, int generation);

/* Whether lines of this level are written: to spare the work of preparing one. */
bool log_enabled(enum log_level level);

/* Writes a line. FIELDS end with one without a key. MESSAGE and values may hold any bytes. */
void log_write(enum log_level level, const char *message, const struct log_field *fields);

/*
 * Whether LIMIT lets a line through at NOW_MS. All lines of a limit have the same MESSAGE and the
 * same REASON, or NULL; both are literals.
 */
bool log_limit_pass(
	struct log_limit *limit, int64_t now_ms, const char *message, const char *reason);

/* Once the second in which lines were held back is over, says how many, and which. */
void log_limit_report(struct log_limit *limit, int64_t now_ms);

#define LOG_FIELDS(...) ((const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } })

#define log_debug(message, ...) log_write(LOG_LEVEL_DEBUG, message, LOG_FIELDS(__VA_ARGS__))
#define log_info(message, ...)  log_write(LOG_LEVEL_INFO, message, LOG_FIELDS(__VA_ARGS__))
#define log_warn(message, ...)  log_write(LOG_LEVEL_WARN, message, LOG_FIELDS(__VA_ARGS__))
#define log_error(message, ...) log_write(LOG_LEVEL_ERROR, message, LOG_FIELDS(__VA_ARGS__))

#endif
