/*
 * The new program's side of an upgrade (upgrade.h): it takes over what the old one has left in its
 * heritage. If it cannot, it executes the old one again, which adopts the same.
 */
#ifndef MASTER_ADOPT_H
#define MASTER_ADOPT_H

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "master/heritage.h"
#include "master/upgrade.h"
#include "process/reexec.h"

/* The configuration that the old program served; NULL with the reason. */
struct config *adopt_config(const struct reexec_call *call, struct error *error);

/*
 * The new program: adopts what CALL names, as far as the upgrade knows it: segment, pid file,
 * listeners, and makes the generation that serves, whose workers are adopted. Returns 0, or -1 with
 * the reason; then adopt_return is to follow.
 */
PF_MUST_CHECK int adopt_run(
	struct upgrade *upgrade, struct heritage *heritage, struct error *error);

/* It has been adopted: closes and frees what was needed to get here, or back. */
void adopt_close(struct heritage *heritage, const struct reexec_call *call);

/* Executes the old program again, which hears REASON. Returns if that fails, too. */
void adopt_return(
	const struct heritage *heritage, const struct reexec_call *call, const char *reason);

/* The same, before anything of the heritage was read. */
void adopt_give_back(const struct reexec_call *call, const char *reason);

/* For -t: whether CALL names what this program could adopt. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int adopt_check(const struct reexec_call *call, struct error *error);

#endif
