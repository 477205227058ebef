#include <config.h>

#include "master/master.h"

#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "config/place.h"
#include "master/pid_file.h"
#include "master/reap.h"
#include "master/resources.h"
#include "master/supervisor.h"
#include "net/listener.h"
#include "process/signals.h"
#include "process/title.h"

enum {
	/* What workers may take beyond drain_timeout before they are killed. */
	DRAIN_GRACE_MS = 1000,
};

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
	const struct config *config;
	enum master_state state;
	int exit_status;
	struct loop loop;
	struct signals signals;
	struct pid_file pid_file;
	struct listeners listeners;
	struct resources resources;
	struct segment segment;
	struct supervisor supervisor;
	unsigned service_ids[CONFIG_SERVICES_MAX];
	struct event *drain_timer;
};

/* Whoever starts the server sees why it does not, wherever the log goes. */
static void
say_failed(const struct master *master, const char *reason)
{
	log_error("cannot start", log_str("reason", reason));
	if (strcmp(master->config->log_target, "stderr") != 0)
		warnx("cannot start: %s", reason);
}

static void
stop_now(struct master *master, int exit_status)
{
	master->state = MASTER_STOPPING;
	master->exit_status = exit_status;
	supervisor_kill(&master->supervisor);
}

static void
drain(struct master *master)
{
	log_info("draining", log_int("timeout_ms", master->config->drain_timeout_ms));
	master->state = MASTER_DRAINING;
	title_set("master [%s] (draining)",
		master->config->path != NULL ? master->config->path : "command line");
	listeners_close(&master->listeners);
	loop_start_timer(master->drain_timer, master->config->drain_timeout_ms + DRAIN_GRACE_MS);
	supervisor_drain(&master->supervisor);
}

static void
on_term(void *arg)
{
	struct master *master = arg;

	switch (master->state) {
	case MASTER_STARTING:
	case MASTER_RUNNING:
		drain(master);
		break;
	case MASTER_DRAINING:
		log_warn("second signal: stopping at once");
		stop_now(master, EX_OK);
		break;
	case MASTER_STOPPING:
		break;
	}
}

static void
on_quit(void *arg)
{
	struct master *master = arg;

	if (master->state == MASTER_STOPPING)
		return;
	log_info("stopping at once");
	stop_now(master, EX_OK);
}

static void
on_child(void *arg)
{
	struct master *master = arg;

	reap_all(&master->supervisor);
}

static const struct signal_row signal_rows[] = {
	{ SIGTERM, on_term },
	{ SIGINT, on_term },
	{ SIGQUIT, on_quit },
	{ SIGCHLD, on_child },
	{ SIGHUP, NULL },
	{ SIGUSR1, NULL },
	{ SIGUSR2, NULL },
	{ SIGTTIN, NULL },
	{ SIGTTOU, NULL },
};

static void
on_all_ready(void *arg)
{
	struct master *master = arg;

	if (master->state != MASTER_STARTING)
		return;
	master->state = MASTER_RUNNING;
	log_info("ready", log_int("workers", (int64_t)master->supervisor.seat_count),
		log_int("pid", getpid()), log_str("version", PACKAGE_VERSION));
}

static void
on_start_failed(void *arg, int exit_status, const char *reason)
{
	struct master *master = arg;

	if (master->state != MASTER_STARTING)
		return;
	say_failed(master, reason);
	stop_now(master, exit_status);
}

static void
on_all_gone(void *arg)
{
	struct master *master = arg;

	log_info("stopped", log_int("closed", (int64_t)master->supervisor.closed),
		log_int("cut", (int64_t)master->supervisor.cut));
	loop_stop(&master->loop);
}

static const struct supervisor_ops supervisor_ops = {
	.all_ready = on_all_ready,
	.start_failed = on_start_failed,
	.all_gone = on_all_gone,
};

static void
on_drain_timer(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	log_warn("workers are left after drain_timeout: killing them");
	stop_now(arg, EX_OK);
}

static size_t
count_workers(const struct config *config)
{
	cpu_set_t set;

	if (config->workers > 0)
		return (size_t)config->workers;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (size_t)(CPU_COUNT(&set) < CONFIG_WORKERS_MAX ? CPU_COUNT(&set)
							     : CONFIG_WORKERS_MAX);
}

static int
open_loop(struct master *master, struct error *error)
{
	if (loop_open(&master->loop, error) != 0 ||
		signals_open(&master->signals, &master->loop, signal_rows, countof(signal_rows),
			master, error) != 0)
		return -1;
	master->drain_timer = evtimer_new(master->loop.base, on_drain_timer, master);
	if (master->drain_timer == NULL)
		return error_set(error, "cannot make a timer");
	return 0;
}

static int
open_supervisor(struct master *master, const struct role *worker, struct error *error)
{
	const struct config *config = master->config;
	const struct inheritance inheritance = {
		.config = config,
		.identity = &master->resources.identity,
		.listeners = master->listeners.sockets,
		.listener_count = master->listeners.count,
		.modules = master->resources.modules,
		.service_ids = master->service_ids,
		.segment = &master->segment,
		.generation = 1,
	};

	for (size_t i = 0; i < config->service_count; i++) {
		int id = segment_service_id(&master->segment, config->services[i].name);

		if (id < 0)
			return error_set(error, "more than %d services", SEGMENT_SERVICES);
		master->service_ids[i] = (unsigned)id;
	}
	return supervisor_open(&master->supervisor, &master->loop, worker, &inheritance,
		count_workers(config), &supervisor_ops, master, error);
}

static void
log_listeners(const struct master *master)
{
	for (size_t i = 0; i < master->listeners.count; i++) {
		size_t service = master->listeners.sockets[i].service;
		char text[ADDRESS_TEXT_MAX];

		address_print(&master->listeners.items[i].address, text);
		log_info("listening", log_str("service", master->config->services[service].name),
			log_str("address", text));
	}
}

/* Everything before the first fork. Returns 0, or an exit status with the reason. */
static int
prepare(struct master *master, const struct roles *roles, struct error *error)
{
	const struct config *config = master->config;
	bool held = false;

	if (open_loop(master, error) != 0)
		return EX_SOFTWARE;
	if (pid_file_open(&master->pid_file, config->pid_file, &held, error) != 0) {
		place_error(error, &config->pid_file_place, "pid_file");
		return held ? EX_UNAVAILABLE : EX_CONFIG;
	}
	if (resources_open(&master->resources, config, error) != 0)
		return EX_CONFIG;
	if (listeners_open(&master->listeners, config, config->pid_file[0] != '\0', error) != 0)
		return EX_UNAVAILABLE;
	if (segment_create(&master->segment, error) != 0 ||
		open_supervisor(master, roles->worker, error) != 0)
		return EX_SOFTWARE;
	return EX_OK;
}

static void
run(struct master *master)
{
	struct error error;

	log_listeners(master);
	if (supervisor_start(&master->supervisor, &error) != 0) {
		say_failed(master, error.text);
		stop_now(master, EX_SOFTWARE);
	}
	loop_run(&master->loop);
}

static void
close_all(struct master *master)
{
	supervisor_close(&master->supervisor);
	if (master->drain_timer != NULL)
		event_free(master->drain_timer);
	signals_close(&master->signals);
	loop_close(&master->loop);
	listeners_close(&master->listeners);
	resources_close(&master->resources);
	segment_destroy(&master->segment);
	pid_file_close(&master->pid_file);
}

int
master_run(const struct config *config, const struct roles *roles)
{
	struct master master = {
		.config = config,
		.signals = { .fd = -1 },
		.segment = { .fd = -1, .readonly_fd = -1 },
	};
	struct error error;

	title_set("master [%s]", config->path != NULL ? config->path : "command line");
	master.exit_status = prepare(&master, roles, &error);
	if (master.exit_status == EX_OK)
		run(&master);
	else
		say_failed(&master, error.text);
	close_all(&master);
	return master.exit_status;
}
