/*
 * Another version of the program in the place of this one, in the same process (USR2): workers,
 * listeners and the shared memory stay, and then the new program reloads.
 *
 *	IDLE --asked--> CHECKING --it can--> CHECKED --no reload is under way--> (exec)
 *	 ^                 |                                                       |
 *	 +--- it cannot ---+---------------------- that fails --------------------+
 *
 * The new program finds its heritage (heritage.h) and adopts it (adopt.h).
 */
#ifndef MASTER_UPGRADE_H
#define MASTER_UPGRADE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "master/pid_file.h"
#include "master/reload.h"

enum upgrade_state {
	UPGRADE_IDLE,
	UPGRADE_CHECKING,
	UPGRADE_CHECKED,
};

struct upgrade {
	enum upgrade_state state;
	struct supervisor *supervisor;
	struct listeners *listeners;
	struct segment *segment;
	struct pid_file *pid_file;
	struct reload *reload;
	struct control *control;
	int program;         /* the new one's file; -1 */
	pid_t checker;       /* until it is reaped; 0 */
	bool late;           /* the checker was killed for it */
	int said;            /* a pipe that the checker writes to; -1 */
	struct event *timer; /* pending: the checker has time */
};

PF_MUST_CHECK int upgrade_open(struct upgrade *upgrade, struct error *error);
void upgrade_close(struct upgrade *upgrade);

/* Begins. */
void upgrade_ask(struct upgrade *upgrade);

/* The server ends: what is under way is given up. */
void upgrade_cancel(struct upgrade *upgrade);

/* A process has ended. Returns whether it was one of an upgrade. */
bool upgrade_reaped(struct upgrade *upgrade, pid_t pid, int status);

/* Now and then: goes on when it can. */
void upgrade_look(struct upgrade *upgrade);

#endif
