#include <config.h>

#include "master/master.h"

#include <err.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "config/place.h"
#include "master/adopt.h"
#include "master/generation.h"
#include "master/orders.h"
#include "master/reap.h"
#include "master/shown.h"
#include "master/state.h"
#include "master/watchdog.h"
#include "process/descriptors.h"
#include "process/title.h"

enum {
	BIND_AGAIN_MS = 50, /* until a former master's workers have closed what they listen on */
};

/* Whoever starts the server sees why it does not, wherever the log goes. */
static void
say_failed(struct master *master, const char *reason)
{
	struct error shown;

	log_error("cannot start", log_str("reason", reason));
	error_set(&shown, "%s", reason);
	error_make_printable(shown.text);
	if (!master->log_is_stderr)
		warnx("cannot start: %s", shown.text);
	announce_failed(&master->announce, reason);
	daemon_failed(master->daemon, reason);
}

void
master_show(struct master *master)
{
	const char *path = master->source->path;
	const enum segment_state state = master->state == MASTER_STARTING ? SEGMENT_STARTING
		: master->state == MASTER_RUNNING                         ? SEGMENT_RUNNING
									  : SEGMENT_ENDING;

	title_set("master [%s]%s", path != NULL ? path : "command line",
		master->state == MASTER_DRAINING ? " (draining)" : "");
	announce_update(&master->announce, state);
	if (supervisor_current(&master->supervisor) != NULL)
		shown_update(&master->supervisor, state);
}

/* Another generation serves. */
static void
go_on_with_admin(struct master *master)
{
	master_show(master);
	admin_update(&master->admin);
}

static void
started(struct master *master)
{
	const struct generation *generation;

	supervisor_switch(&master->supervisor);
	generation = master->supervisor.serving;
	master->state = MASTER_RUNNING;
	log_info("ready", log_int("workers", (int64_t)generation->seat_count),
		log_int("pid", getpid()), log_str("version", PACKAGE_VERSION));
	go_on_with_admin(master);
	reload_start(&master->reload);
	daemon_ready(master->daemon);
	if (master->reopen_log)
		reload_reopen_log(&master->reload);
}

static void
on_ready(void *arg)
{
	struct master *master = arg;

	switch (master->state) {
	case MASTER_STARTING:
		started(master);
		break;
	case MASTER_RUNNING:
		reload_ready(&master->reload);
		go_on_with_admin(master);
		break;
	case MASTER_DRAINING:
	case MASTER_STOPPING:
		break;
	}
}

static void
on_failed(void *arg, int exit_status, const char *reason)
{
	struct master *master = arg;

	switch (master->state) {
	case MASTER_STARTING:
		say_failed(master, reason);
		orders_stop(master, exit_status);
		break;
	case MASTER_RUNNING:
		reload_failed(&master->reload, reason);
		break;
	case MASTER_DRAINING:
	case MASTER_STOPPING:
		break;
	}
}

static void
on_gone(void *arg)
{
	struct master *master = arg;

	reload_resume(&master->reload);
	relocation_look(&master->relocation);
}

static void
on_given(void *arg, uint32_t count)
{
	struct master *master = arg;

	relocation_given(&master->relocation, count);
}

static void
on_moved(void *arg, uint32_t moved)
{
	struct master *master = arg;

	control_moved(&master->control, moved);
}

static void
on_reload_ended(void *arg, const struct reload_end *end)
{
	struct master *master = arg;

	control_reload_ended(&master->control, end);
}

static void
on_all_gone(void *arg)
{
	struct master *master = arg;

	log_info("stopped", log_int("closed", (int64_t)master->supervisor.closed),
		log_int("cut", (int64_t)master->supervisor.cut),
		log_int("moved", (int64_t)master->supervisor.moved));
	loop_stop(&master->loop);
}

static void
on_settings(void *arg)
{
	struct master *master = arg;

	admin_send_settings(&master->admin);
}

static const struct supervisor_ops supervisor_ops = {
	.ready = on_ready,
	.failed = on_failed,
	.gone = on_gone,
	.all_gone = on_all_gone,
	.given = on_given,
	.settings = on_settings,
};

static void
on_tick(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct master *master = arg;
	const int64_t now_ms = loop_now(&master->loop);

	log_renew();
	if (master->supervisor.serving != NULL) {
		watchdog_look(&master->supervisor, now_ms - master->looked_ms);
		supervisor_settle(&master->supervisor);
	}
	relocation_look(&master->relocation);
	master_show(master);
	if (master->state == MASTER_RUNNING)
		upgrade_look(&master->upgrade);
	master->looked_ms = now_ms;
}

static void
cannot_start(struct master *master, int exit_status, const char *reason)
{
	generation_close(&master->first);
	say_failed(master, reason);
	orders_stop(master, exit_status);
}

static void
start_first(struct master *master)
{
	struct generation *generation = master->first;
	struct error error;

	master->first = NULL;
	generation_log_listeners(generation, true);
	if (supervisor_start(&master->supervisor, generation, &error) != 0)
		cannot_start(master, EX_SOFTWARE, error.text);
	else
		go_on_with_admin(master);
}

/* An address that is in use may be a former master's, whose workers notice in a moment. */
static bool
may_bind_again(const struct master *master, int64_t now_ms)
{
	return master->listeners.busy &&
		now_ms - master->born_ms < master->first->config->start_timeout_ms;
}

static void
bind_first(struct master *master, bool again)
{
	struct error error;

	if (generation_bind(master->first, &error) == 0) {
		start_first(master);
		return;
	}
	if (!may_bind_again(master, loop_now(&master->loop))) {
		cannot_start(master, EX_UNAVAILABLE, error.text);
		return;
	}
	if (!again)
		log_warn("waiting for an address until start_timeout",
			log_str("reason", error.text));
	loop_start_timer(master->bind_timer, BIND_AGAIN_MS);
}

static void
on_bind_timer(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct master *master = arg;

	if (master->state == MASTER_STARTING)
		bind_first(master, true);
}

static int
open_loop(struct master *master, struct error *error)
{
	const struct timeval interval = loop_timeval(WATCHDOG_INTERVAL_MS);

	if (loop_open(&master->loop, error) != 0 ||
		signals_open(&master->signals, &master->loop, orders_signals, orders_signal_count,
			master, error) != 0)
		return -1;
	master->bind_timer = evtimer_new(master->loop.base, on_bind_timer, master);
	master->tick = event_new(master->loop.base, -1, EV_PERSIST, on_tick, master);
	if (master->bind_timer == NULL || master->tick == NULL ||
		event_add(master->tick, &interval) != 0)
		return error_set(error, "cannot make a timer");
	return 0;
}

static int
open_parts(struct master *master, const struct roles *roles, struct error *error)
{
	if (open_loop(master, error) != 0)
		return -1;
	master->born_ms = master->looked_ms = loop_now(&master->loop);
	supervisor_open(&master->supervisor, &master->loop, roles->worker, &master->segment,
		&supervisor_ops, master);
	master->upgrade = (struct upgrade){
		.supervisor = &master->supervisor,
		.listeners = &master->listeners,
		.segment = &master->segment,
		.pid_file = &master->pid_file,
		.reload = &master->reload,
		.control = &master->control,
		.program = -1,
		.said = -1,
	};
	control_init(&master->control, master, &master->loop);
	master->relocation = (struct relocation){
		.supervisor = &master->supervisor,
		.ended = on_moved,
		.arg = master,
	};
	return announce_open(&master->announce, &master->supervisor, master->source->detached,
		       error) != 0 ||
			reload_open(&master->reload, master->source, &master->supervisor,
				&master->announce, on_reload_ended, master, error) != 0 ||
			upgrade_open(&master->upgrade, error) != 0 ||
			admin_open(&master->admin, &master->supervisor, roles->admin, error) != 0
		? -1
		: 0;
}

/* Everything before the first generation. Returns an exit status with the reason. */
static int
prepare(struct master *master, const struct config *config, const struct roles *roles,
	const struct activation *activation, struct error *error)
{
	bool held = false;

	if (open_parts(master, roles, error) != 0 || segment_create(&master->segment, error) != 0)
		return EX_SOFTWARE;
	listeners_open(&master->listeners, config->pid_file[0] != '\0');
	if (pid_file_open(&master->pid_file, config->pid_file, &held, error) != 0) {
		place_error(error, &config->pid_file_place, "pid_file");
		return held ? EX_UNAVAILABLE : EX_CONFIG;
	}
	if (activation_adopt(activation, &master->listeners, config, error) != 0)
		return EX_CONFIG;
	return control_open(&master->control, config, master->pid_file.fd >= 0, error);
}

/* Takes CONFIG. As prepare. */
static int
open_first(struct master *master, struct config *config, struct error *error)
{
	master->first = generation_open(config, &master->segment, &master->listeners, 1, error);
	if (master->first == NULL)
		return EX_CONFIG;
	descriptors_provide(config, master->first->seat_count);
	announce_starting(&master->announce, config->start_timeout_ms);
	return EX_OK;
}

static void
close_all(struct master *master)
{
	generation_close(&master->first);
	upgrade_close(&master->upgrade);
	reload_close(&master->reload);
	announce_close(&master->announce);
	admin_close(&master->admin);
	control_close(&master->control);
	supervisor_close(&master->supervisor);
	listeners_close(&master->listeners);
	if (master->bind_timer != NULL)
		event_free(master->bind_timer);
	if (master->tick != NULL)
		event_free(master->tick);
	signals_close(&master->signals);
	loop_close(&master->loop);
	segment_destroy(&master->segment);
	pid_file_close(&master->pid_file);
}

static struct master
make_master(const struct config *config, const struct config_source *source, struct daemon *daemon)
{
	return (struct master){
		.daemon = daemon,
		.source = source,
		.log_is_stderr = strcmp(config->log_target, "stderr") == 0,
		.signals = { .fd = -1 },
		.segment = SEGMENT_NONE,
		.pid_file = { .fd = -1 },
		.control = { .fd = -1 },
	};
}

int
master_run(struct config *config, const struct config_source *source, const struct roles *roles,
	const struct activation *activation, struct daemon *daemon)
{
	struct master master = make_master(config, source, daemon);
	struct error error;

	master_show(&master);
	master.exit_status = prepare(&master, config, roles, activation, &error);
	if (master.exit_status != EX_OK)
		config_free(&config);
	else
		master.exit_status = open_first(&master, config, &error);
	if (master.exit_status == EX_OK) {
		bind_first(&master, false);
		loop_run(&master.loop);
	} else
		say_failed(&master, error.text);
	close_all(&master);
	return master.exit_status;
}

static int
adopt(struct master *master, const struct roles *roles, struct heritage *heritage,
	struct error *error)
{
	if (open_parts(master, roles, error) != 0)
		return -1;
	listeners_open(&master->listeners, false);
	return adopt_run(&master->upgrade, heritage, error);
}

static void
go_on(struct master *master, const struct reexec_call *call)
{
	master->state = MASTER_RUNNING;
	reap_all(&master->supervisor, &master->upgrade, &master->admin);
	go_on_with_admin(master);
	reload_start(&master->reload);
	if (call->why == REEXEC_RETURN) {
		log_error("upgrade failed: the former program goes on",
			log_str("reason", call->reason), log_str("version", PACKAGE_VERSION));
		control_upgrade_failed(&master->control, call->reason);
		return;
	}
	log_info("upgraded", log_int("pid", getpid()), log_str("version", PACKAGE_VERSION));
	reload_all(&master->reload);
	reload_ask(&master->reload);
}

int
master_resume(struct config *config, const struct config_source *source, const struct roles *roles,
	const struct reexec_call *call)
{
	struct daemon daemon = DAEMON_NONE;
	struct master master = make_master(config, source, &daemon);
	struct heritage heritage;
	struct error error;

	config_free(&config);
	master_show(&master);
	if (heritage_read(&heritage, call->fd, &error) != 0 ||
		adopt(&master, roles, &heritage, &error) != 0) {
		adopt_return(&heritage, call, error.text);
		say_failed(&master, error.text);
		return EX_SOFTWARE;
	}
	adopt_close(&heritage, call);
	listeners_adopted(&master.listeners);
	go_on(&master, call);
	loop_run(&master.loop);
	close_all(&master);
	return master.exit_status;
}
