#include <config.h>

#include "master/orders.h"

#include <signal.h>
#include <sysexits.h>

#include "base/log.h"
#include "master/generation.h"
#include "master/reap.h"
#include "master/scale.h"
#include "master/state.h"

void
orders_stop(struct master *master, int exit_status)
{
	master->state = MASTER_STOPPING;
	master->exit_status = exit_status;
	announce_stopping(&master->announce);
	upgrade_cancel(&master->upgrade);
	supervisor_kill(&master->supervisor);
}

static void
begin_drain(struct master *master)
{
	master->state = MASTER_DRAINING;
	announce_stopping(&master->announce);
	reload_cancel(&master->reload);
	upgrade_cancel(&master->upgrade);
	supervisor_drain(&master->supervisor);
	master_show(master);
}

void
orders_drain(struct master *master)
{
	switch (master->state) {
	case MASTER_STARTING:
	case MASTER_RUNNING:
		begin_drain(master);
		break;
	case MASTER_DRAINING:
		log_warn("second signal: stopping at once");
		orders_stop(master, EX_OK);
		break;
	case MASTER_STOPPING:
		break;
	}
}

static void
on_term(void *arg)
{
	orders_drain(arg);
}

static void
on_quit(void *arg)
{
	struct master *master = arg;

	if (master->state == MASTER_STOPPING)
		return;
	log_info("stopping at once");
	orders_stop(master, EX_OK);
}

static void
on_child(void *arg)
{
	struct master *master = arg;

	reap_all(&master->supervisor, &master->upgrade, &master->admin);
}

/* While the server starts, it comes after the start. */
static void
on_hup(void *arg)
{
	struct master *master = arg;

	switch (master->state) {
	case MASTER_STARTING:
	case MASTER_RUNNING:
		reload_ask(&master->reload);
		break;
	case MASTER_DRAINING:
	case MASTER_STOPPING:
		log_warn("no reload: the server is about to end");
		break;
	}
}

static void
on_usr1(void *arg)
{
	struct master *master = arg;

	if (master->supervisor.serving != NULL)
		reload_reopen_log(&master->reload);
	else
		master->reopen_log = true;
}

const char *
orders_why_not(const struct master *master)
{
	return master->state != MASTER_RUNNING ? "the server starts or ends" : NULL;
}

const char *
orders_why_not_scale(const struct master *master)
{
	return master->reload.state == RELOAD_STARTING ? "a reload is under way"
						       : orders_why_not(master);
}

static void
on_ttin(void *arg)
{
	struct master *master = arg;

	scale_up(&master->supervisor, orders_why_not_scale(master));
}

static void
on_ttou(void *arg)
{
	struct master *master = arg;

	scale_down(&master->supervisor, orders_why_not_scale(master));
}

static void
on_usr2(void *arg)
{
	struct master *master = arg;

	if (master->state == MASTER_RUNNING)
		upgrade_ask(&master->upgrade);
	else
		log_warn("no upgrade: the server starts or ends");
}

const struct signal_row orders_signals[] = {
	{ SIGTERM, on_term },
	{ SIGINT, on_term },
	{ SIGQUIT, on_quit },
	{ SIGCHLD, on_child },
	{ SIGHUP, on_hup },
	{ SIGUSR1, on_usr1 },
	{ SIGUSR2, on_usr2 },
	{ SIGTTIN, on_ttin },
	{ SIGTTOU, on_ttou },
};
const size_t orders_signal_count = countof(orders_signals);
