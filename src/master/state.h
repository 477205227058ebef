/*
 * The master's own state: for master.c, which starts and runs it, and for what tells it what to do,
 * orders.c, control.c and commands.c.
 */
#ifndef MASTER_STATE_H
#define MASTER_STATE_H

#include "master/admin.h"
#include "master/announce.h"
#include "master/control.h"
#include "master/pid_file.h"
#include "master/relocation.h"
#include "master/reload.h"
#include "master/supervisor.h"
#include "master/upgrade.h"
#include "net/listener.h"
#include "process/daemon.h"
#include "process/signals.h"

/*
 *	STARTING --all ready--> RUNNING --TERM, INT--> DRAINING --all gone--+
 *	   | |                     |                      |                 +--> (exit)
 *	   | +---------------------|------ TERM, INT -----^                 |
 *	   +--- a worker fails ----+--------- QUIT -------+--> STOPPING ----+
 */
enum master_state {
	MASTER_STARTING,
	MASTER_RUNNING,
	MASTER_DRAINING,
	MASTER_STOPPING,
};

struct master {
	struct daemon *daemon; /* hears how the start went */
	enum master_state state;
	int exit_status;
	int64_t born_ms;
	int64_t looked_ms; /* when the watchdog looked last */
	struct loop loop;
	struct signals signals;
	struct pid_file pid_file;
	struct segment segment;
	struct listeners listeners;
	struct supervisor supervisor;
	struct reload reload;
	struct upgrade upgrade;
	struct admin admin;
	struct announce announce;
	struct control control;
	struct relocation relocation;
	struct generation *first; /* until it is bound and started */
	struct event *bind_timer;
	struct event *tick;
	const struct config_source *source;
	bool log_is_stderr; /* at the start */
	bool reopen_log;    /* asked for while the server starts */
};

/* Tells of its state wherever that is shown. */
void master_show(struct master *master);

#endif
