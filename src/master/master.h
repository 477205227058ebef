/*
 * The master: makes ready what the others need, starts them, and waits for signals. It reads no
 * byte from the network and loads no module.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "net/activation.h"
#include "process/daemon.h"
#include "process/reexec.h"
#include "process/role.h"

/*
 * Runs the server with CONFIG, which is taken, until it is told to end; a reload reads SOURCE
 * again. ACTIVATION: what is bound already. DAEMON hears how the start went. Returns the exit
 * status of preforkd(8): 0, or one of sysexits(3), and then the log says why.
 */
int master_run(struct config *config, const struct config_source *source, const struct roles *roles,
	const struct activation *activation, struct daemon *daemon);

/*
 * The same in the place of another program, which CALL tells of: adopts what that one has, with
 * which CONFIG has nothing to do but that its log is open, and reloads.
 */
int master_resume(struct config *config, const struct config_source *source,
	const struct roles *roles, const struct reexec_call *call);

/* Checks what CONFIG names: user, modules, their options. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int master_check(
	const struct config *config, const struct roles *roles, struct error *error);

#endif
