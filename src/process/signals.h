/*
 * Signals as events of a loop, through signalfd(2): they stay blocked, no handler ever runs, and
 * a child made by fork has none to undo. A role's signals are a table.
 */
#ifndef PROCESS_SIGNALS_H
#define PROCESS_SIGNALS_H

#include "base/compiler.h"
#include "base/error.h"
#include "process/loop.h"

struct signal_row {
	int signal;
	void (*handle)(void *arg); /* NULL: the signal is ignored */
};

/* Rows of a child for what a terminal sends to all, and only the master obeys. */
#define SIGNALS_OF_THE_MASTER                                                     \
	{ SIGINT, NULL }, { SIGHUP, NULL }, { SIGUSR1, NULL }, { SIGUSR2, NULL }, \
		{ SIGTTIN, NULL },                                                \
	{                                                                         \
		SIGTTOU, NULL                                                     \
	}

struct signals {
	int fd;
	struct event *event;
	const struct signal_row *rows;
	size_t count;
	void *arg;
};

/*
 * Blocks the signals of ROWS (borrowed) and has each one handled on LOOP; SIGPIPE and SIGXFSZ are
 * ignored.
 * Called before any thread exists. Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int signals_open(struct signals *signals, struct loop *loop,
	const struct signal_row *rows, size_t count, void *arg, struct error *error);

void signals_close(struct signals *signals);

/*
 * In a child just after fork: the default action for every signal. What is blocked stays so until
 * the child says by signals_open what it wants.
 */
void signals_reset(void);

/* How a process ended, from its wait status: "signal SEGV", "exit status 1". */
void signals_describe(int status, char *text, size_t size);

#endif
