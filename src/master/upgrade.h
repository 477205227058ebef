/*
 * Another version of the program in the place of this one, in the same process (USR2): workers,
 * listeners and the shared memory stay, and then the new program reloads.
 *
 *	IDLE --upgrade_ask--> CHECKING --the new one says that it can--> CHECKED --no reload-->
 *(exec) ^                      |                                          |
 *	  +--- it says why not --+--------------- exec fails ---------------+
 *
 * The new program finds its heritage (heritage.h) and adopts it. If it cannot, it executes the old
 * one again, which adopts the same.
 */
#ifndef MASTER_UPGRADE_H
#define MASTER_UPGRADE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "master/heritage.h"
#include "master/pid_file.h"
#include "master/reload.h"
#include "process/reexec.h"

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

/* The configuration that the old program served; NULL with the reason. */
struct config *upgrade_config(const struct reexec_call *call, struct error *error);

/*
 * The new program: adopts what CALL names, as far as the upgrade knows it: segment, pid file,
 * listeners, and makes the generation that serves, whose workers are adopted. Returns 0, or -1 with
 * the reason; then upgrade_return is to follow.
 */
PF_MUST_CHECK int upgrade_adopt(
	struct upgrade *upgrade, const struct heritage *heritage, struct error *error);

/* It has been adopted: closes and frees what was needed to get here, or back. */
void upgrade_adopted(struct heritage *heritage, const struct reexec_call *call);

/* Executes the old program again, which hears REASON. Returns if that fails, too. */
void upgrade_return(
	const struct heritage *heritage, const struct reexec_call *call, const char *reason);

/* The same, before anything of the heritage was read. */
void upgrade_give_back(const struct reexec_call *call, const char *reason);

/* For -t: whether CALL names what this program could adopt. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int upgrade_check(const struct reexec_call *call, struct error *error);

#endif
