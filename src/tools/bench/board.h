/*
 * What the processes of a run share: when it begins, that it is to stop, and what each thread has
 * counted. A map that is made before they are forked. Each tally has one writer, its thread; others
 * read some of it while the run lasts, to show how it goes, and all of it afterwards.
 */
#ifndef BENCH_BOARD_H
#define BENCH_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "tools/bench/histogram.h"
#include "tools/bench/schedule.h"

/* Kinds of failures, by their names in the results, and what happened. */
#define BOARD_ERRORS(ROW)                                                           \
	ROW(BOARD_CONNECT, "connect", "connections did not come about")             \
	ROW(BOARD_RESET, "reset", "connections were reset")                         \
	ROW(BOARD_EOF, "eof", "connections were closed by the server")              \
	ROW(BOARD_TIMEOUT, "timeout", "connections timed out with replies missing") \
	ROW(BOARD_FRAME, "frame", "connections brought what is no reply")           \
	ROW(BOARD_LENGTH, "length", "replies were of another length")               \
	ROW(BOARD_CONTENT, "content", "replies were of other content")

#define BOARD_ENUM_ROW(error, name, text) error,
enum board_error { BOARD_ERRORS(BOARD_ENUM_ROW) BOARD_ERROR__COUNT };

struct tally_step {
	uint64_t requests;
	struct histogram latency;
};

/* Times are in nanoseconds. What is counted, but for errors, is counted in the window alone. */
struct tally {
	_Atomic uint64_t replies; /* good ones at all times, for those who watch */
	_Atomic bool ready;       /* its connections have come about, or have failed to */
	uint64_t requests;        /* good replies */
	uint64_t bytes_in, bytes_out;
	uint64_t connects;
	uint64_t opened; /* connections that came about at all times */
	_Atomic uint64_t errors[BOARD_ERROR__COUNT];
	uint64_t lost;     /* requests whose connection ended before their reply */
	uint64_t unsent;   /* requests that were due, and were not sent up to the end */
	int connect_errno; /* of the last connection that did not come about */
	int64_t from_ns, end_ns;
	int64_t cpu_ns; /* of the thread */
	struct histogram latency, connect_latency;
	struct tally_step steps[SCHEDULE_STEPS_MAX];
};

struct board {
	_Atomic unsigned ready;   /* threads that are */
	_Atomic int64_t begin_ns; /* of the run, monotonic; 0 as long as some are not ready */
	_Atomic int64_t setup_ns; /* how long it took until all were ready */
	_Atomic bool stop;
	int64_t created_ns;
	unsigned tally_count;
	struct tally tallies[];
};

/* Returns a board of TALLIES, one for each thread, or NULL with the reason. */
struct board *board_create(unsigned tallies, struct error *error);

void board_destroy(struct board *board);

/* Says that a thread is ready: with the last one, the run begins. Any thread, once each. */
void board_ready(struct board *board, struct tally *tally);

/* Adds up what all threads have counted. The result is the caller's to free; NULL: no memory. */
PF_MUST_CHECK struct tally *board_sum(const struct board *board);

/* Good replies of all threads so far, and failures. */
uint64_t board_replies(const struct board *board);
uint64_t board_errors(const struct board *board);

/* Its name in the results; what happened, of several. */
const char *board_error_name(enum board_error error);
const char *board_error_text(enum board_error error);

#endif
