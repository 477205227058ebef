#include <config.h>

#include "worker/worker.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "process/cpus.h"
#include "process/log_settings.h"
#include "process/spawn.h"
#include "process/title.h"
#include "worker/drain.h"
#include "worker/session.h"

enum {
	TICK_MS = 50, /* half of what makes a worker count as standing still */
};

/* If the module crashes or hangs, the master can name it. */
static int
say_starting(const struct worker *worker, uint32_t service)
{
	const struct message message = { .type = MESSAGE_STARTING, .service = service };

	return channel_send_fd(worker->inheritance->channel, &message);
}

int
worker_drop_privileges(struct worker *worker, struct error *error)
{
	const struct inheritance *inheritance = worker->inheritance;

	if (cpus_bind(inheritance->config, inheritance->number, error) != 0)
		log_warn("this worker runs on any CPU", log_str("reason", error->text));
	worker->batch = cpus_set_batch(inheritance->config);
	if (privilege_drop(inheritance->identity, error) != 0)
		return -1;
	if (spawn_die_with_master(inheritance) != 0)
		return error_set(error, "the master is gone");
	return 0;
}

int
worker_start_services(struct worker *worker, struct error *error)
{
	const struct inheritance *inheritance = worker->inheritance;
	const struct config *config = inheritance->config;

	worker->services = calloc(config->service_count, sizeof(worker->services[0]));
	if (worker->services == NULL)
		return error_errno(error, "cannot make the services");
	for (size_t i = 0; i < config->service_count; i++) {
		unsigned id = inheritance->service_ids != NULL ? inheritance->service_ids[i] : 0;

		if (say_starting(worker, (uint32_t)i) != 0)
			return error_set(error, "the master is gone");
		worker->services_started++;
		if (service_start(&worker->services[i], &config->services[i],
			    inheritance->modules[i], id, (unsigned)inheritance->number, error) != 0)
			return -1;
	}
	return 0;
}

void
worker_stop_services(struct worker *worker)
{
	while (worker->services_started > 0)
		service_stop(&worker->services[--worker->services_started]);
}

void
worker_free_services(struct worker *worker)
{
	free(worker->services);
	worker->services = NULL;
}

void
worker_stop(struct worker *worker)
{
	loop_stop(&worker->loop);
}

static void
show_tick(struct worker *worker)
{
	struct segment *segment = worker->sessions.network->segment;

	atomic_store_explicit(
		&segment->own->tick_ms, loop_now(&worker->loop), memory_order_relaxed);
	segment_tidy(segment);
}

/*
 * Between two events each open connection has its place and no other place is taken. If the slot
 * says otherwise, somebody wrote there: the others would count junk, and what else this process
 * remembers may be junk as well. The master drops the slot and replaces the worker.
 */
static void
check_slot(const struct worker *worker)
{
	const struct network *network = worker->sessions.network;

	if (likely(admission_counts(network->segment, network->open_count)))
		return;
	log_error("this worker's slot in shared memory holds nonsense: it ends",
		log_uint("open", network->open_count),
		log_uint("counted", atomic_load(&network->segment->own->admitted)));
	_exit(EX_SOFTWARE);
}

/* The master knows whether it is this worker alone: TERM may have gone to all. */
static void
ask_to_retire(struct worker *worker, bool can_wait)
{
	const struct message message = {
		.type = MESSAGE_RETIRE,
		.retire = { .can_wait = can_wait },
	};

	worker->retiring = true;
	if (channel_send(&worker->channel, &message) != 0)
		log_warn("the master does not hear that this worker is to retire");
}

/* A pool that loses threads has no right to go on for ever. */
static void
check_pool(struct worker *worker)
{
	struct pool *pool = &worker->sessions.dispatch.pool;

	if (worker->retiring || pool_lost(pool) < pool->threads)
		return;
	log_error(
		"too many handlers hang: this worker retires", log_uint("threads", pool->threads));
	ask_to_retire(worker, false);
}

/* It serves on as well as ever, until the master has time for it. */
static void
check_recycle(struct worker *worker)
{
	if (!worker->retiring && worker->state == WORKER_ACCEPTING &&
		recycle_is_due(
			&worker->recycle, worker->sessions.requests, loop_now(&worker->loop)))
		ask_to_retire(worker, true);
}

/*
 * Handlers that take their time would keep the loop from its CPU as well, so it interrupts while
 * the pool has some, and a little longer.
 */
static void
be_eager(struct worker *worker, bool eager)
{
	if (!worker->batch || worker->eager == eager)
		return;
	worker->eager = eager;
	cpus_set_eager(eager);
}

static void
on_tick(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct worker *worker = arg;

	check_slot(worker);
	show_tick(worker);
	gauges_show(worker, TICK_MS);
	acceptor_tick(&worker->acceptor);
	sessions_tick(&worker->sessions);
	if (!pool_has_dear(&worker->sessions.dispatch.pool))
		be_eager(worker, false);
	check_pool(worker);
	check_recycle(worker);
	sessions_report_held(&worker->sessions);
}

static void
on_term(void *arg)
{
	ask_to_retire(arg, false);
}

static void
on_turn_end(void *arg)
{
	struct worker *worker = arg;

	acceptor_turn(&worker->acceptor);
	if (pool_has_dear(&worker->sessions.dispatch.pool))
		be_eager(worker, true);
	sessions_turn(&worker->sessions);
	handover_turn(worker);
	drain_check(worker);
}

static bool
on_is_busy(void *arg)
{
	struct worker *worker = arg;

	return acceptor_is_busy(&worker->acceptor) || sessions_are_busy(&worker->sessions);
}

static void
on_accepted(void *arg, int fd, size_t service, struct admission_place place)
{
	struct worker *worker = arg;

	session_open(worker->sessions.network, fd, place, &worker->services[service]);
}

/* A terminal sends it to all at once, and the master says the same to whoever is left. */
static void
on_quit(void *arg PF_UNUSED)
{
	_exit(EXIT_SUCCESS);
}

static const struct signal_row signal_rows[] = {
	{ SIGTERM, on_term },
	{ SIGQUIT, on_quit },
	SIGNALS_OF_THE_MASTER,
};

static void
go(struct worker *worker)
{
	if (worker->state != WORKER_STARTING)
		return;
	worker->state = WORKER_ACCEPTING;
	show_tick(worker);
	recycle_start(&worker->recycle, loop_now(&worker->loop));
	atomic_store(&worker->sessions.network->segment->own->state, SLOT_READY);
	acceptor_start(&worker->acceptor);
	takeover_start(worker);
}

/* The master will try again, or another worker. */
static void
decline(const struct worker *worker, uint32_t socket)
{
	const struct message message = {
		.type = MESSAGE_DECLINED,
		.listener = { .socket = socket },
	};

	if (channel_send(&worker->channel, &message) != 0)
		log_error("a listener did not arrive: no descriptor is left");
}

/* A socket more to accept from. */
static void
add_listener(struct worker *worker, const struct message *message)
{
	const struct inherited_listener listener = {
		.fd = channel_take_passed(&worker->channel),
		.id = message->listener.socket,
		.service = message->listener.service,
	};
	struct error error;

	if (listener.fd < 0)
		decline(worker, listener.id);
	else if (worker->state == WORKER_DRAINING)
		close(listener.fd);
	else if (acceptor_add(&worker->acceptor, &listener, &error) != 0)
		log_error("cannot accept from a listener", log_str("reason", error.text));
}

static void
use_settings(struct worker *worker, const struct message *message)
{
	log_settings_use(&worker->channel, message);
	reporter_use(&worker->sessions.reporter,
		&(struct reporter_settings){
			.requests = message->settings.requests,
			.slow_ms = message->settings.slow_ms,
			.traces = message->settings.traces != 0,
			.sample = message->settings.sample,
		});
	drain_set_timeout(worker, message->settings.drain_timeout_ms);
}

static void
master_is_gone(struct worker *worker)
{
	if (worker->state != WORKER_DRAINING)
		log_warn("the master is gone: draining");
	worker->orphaned = true;
	handover_stop(worker, TAKE_NOBODY);
	drain_begin(worker, true, -1, worker->drain_timeout_ms);
}

/* Where connections go; -1: nowhere. */
static int
take_inbox(struct worker *worker, bool passed)
{
	const int inbox = channel_take_passed(&worker->channel);

	if (passed && inbox < 0)
		log_error("connections cannot move: no descriptor is left for the inbox");
	return inbox;
}

static void
turn_to(struct worker *worker, bool passed)
{
	const int inbox = take_inbox(worker, passed);

	if (inbox >= 0)
		handover_turn_to(worker, inbox);
	else
		handover_stop(worker, passed ? TAKE_NO_DESCRIPTOR : TAKE_NOBODY);
}

/* One that retires gives, and takes nothing. */
static void
take_from(struct worker *worker, int inbox)
{
	if (worker->state == WORKER_ACCEPTING)
		takeover_take_from(worker, inbox);
	else
		fd_close(&inbox);
}

static void
on_message(void *arg, const struct message *message)
{
	struct worker *worker = arg;

	if (message == NULL) {
		master_is_gone(worker);
		return;
	}
	switch ((enum message_type)message->type) {
	case MESSAGE_GO:
		go(worker);
		break;
	case MESSAGE_ACCEPT:
		add_listener(worker, message);
		break;
	case MESSAGE_RELEASE:
		acceptor_remove(
			&worker->acceptor, message->listener.socket, message->listener.last != 0);
		break;
	case MESSAGE_SETTINGS:
		use_settings(worker, message);
		break;
	case MESSAGE_DRAIN:
		drain_begin(worker, message->drain.all != 0,
			take_inbox(worker, message->drain.passed != 0), message->drain.timeout_ms);
		break;
	case MESSAGE_INBOX:
		turn_to(worker, message->inbox.passed != 0);
		break;
	case MESSAGE_GIVE:
		handover_share(worker, channel_take_passed(&worker->channel), message->give.count,
			message->give.timeout_ms);
		break;
	case MESSAGE_TAKE:
		take_from(worker, channel_take_passed(&worker->channel));
		break;
	case MESSAGE_LIST:
		rosters_add(worker, channel_take_passed(&worker->channel), message->list.kill);
		break;
	case MESSAGE_GIVEN:
	case MESSAGE_STARTING:
	case MESSAGE_READY:
	case MESSAGE_FAILED:
	case MESSAGE_RETIRE:
	case MESSAGE_DECLINED:
	case MESSAGE_DRAINED:
	case MESSAGE_SPANS:
		break;
	}
}

static int
open_loop(struct worker *worker, struct error *error)
{
	const struct inheritance *inheritance = worker->inheritance;
	const struct timeval tick = loop_timeval(TICK_MS);

	if (loop_open(&worker->loop, error) != 0 || loop_open_wake(&worker->loop, error) != 0 ||
		signals_open(&worker->signals, &worker->loop, signal_rows, countof(signal_rows),
			worker, error) != 0 ||
		channel_open(&worker->channel, inheritance->channel, &worker->loop, on_message,
			worker, error) != 0)
		return -1;
	worker->channel.takes_passed = true;
	worker->tick = event_new(worker->loop.base, -1, EV_PERSIST, on_tick, worker);
	if (worker->tick == NULL || event_add(worker->tick, &tick) != 0)
		return error_set(error, "cannot make a timer");
	worker->loop.turn_end = on_turn_end;
	worker->loop.is_busy = on_is_busy;
	worker->loop.arg = worker;
	return 0;
}

/* Everything but the services. */
static int
start(struct worker *worker, struct error *error)
{
	const struct inheritance *inheritance = worker->inheritance;
	struct segment *segment = inheritance->segment;

	if (worker_drop_privileges(worker, error) != 0 ||
		segment_attach(segment, inheritance->slot, error) != 0 ||
		open_loop(worker, error) != 0)
		return -1;
	atomic_store(&segment->own->pid, (uint32_t)getpid());
	atomic_store(&segment->own->number, (uint32_t)inheritance->number);
	gauges_open(worker);
	if (sessions_open(&worker->sessions, inheritance->config, &worker->loop, segment,
		    inheritance->slot, error) != 0)
		return -1;
	reporter_open(&worker->sessions.reporter, inheritance);
	if (acceptor_open(&worker->acceptor, worker->sessions.network, inheritance, on_accepted,
		    worker, error) != 0)
		return -1;
	if (takeover_open(worker, error) != 0 || handover_open(worker, error) != 0 ||
		recycle_open(&worker->recycle, inheritance->config, worker->gauges.statm, error) !=
			0)
		return -1;
	return drain_open(worker, error);
}

/* The pool, if a service needs it. */
static int
start_pool(struct worker *worker, struct error *error)
{
	bool pooled = false;

	for (size_t i = 0; i < worker->services_started; i++)
		pooled = pooled || service_is_pooled(&worker->services[i]);
	return pooled ? dispatch_start(&worker->sessions.dispatch, error) : 0;
}

/* From here on modules may have threads of their own. */
static int
tell_started(struct worker *worker, struct error *error)
{
	for (size_t i = 0; i < worker->services_started; i++) {
		worker->services[i].dispatch = &worker->sessions.dispatch;
		if (service_started(&worker->services[i], error) != 0)
			return -1;
	}
	return 0;
}

/* Nothing of a process in which a handler hangs can be taken apart. */
static void
stop_pool(struct worker *worker)
{
	if (dispatch_stop(&worker->sessions.dispatch))
		return;
	log_warn("handlers still run: the modules' exit is not called");
	_exit(EX_OK);
}

static void
stop(struct worker *worker)
{
	if (worker->sessions.network != NULL)
		sessions_turn(&worker->sessions);
	worker_stop_services(worker);
	acceptor_close(&worker->acceptor);
	takeover_close(worker);
	handover_close(worker);
	rosters_close(worker);
	gauges_close(worker);
	drain_close(worker);
	sessions_close(&worker->sessions);
	worker_free_services(worker);
	if (worker->tick != NULL)
		event_free(worker->tick);
	channel_close(&worker->channel);
	signals_close(&worker->signals);
	loop_close(&worker->loop);
}

/* Says that it is ready, or why not. Returns an exit status. */
static int
report(const struct worker *worker, int exit_status, const struct error *error)
{
	struct message message = { .type = MESSAGE_READY };

	if (exit_status != EX_OK) {
		message.type = MESSAGE_FAILED;
		message.failed.exit_status = exit_status;
		strlcpy(message.failed.reason, error->text, sizeof(message.failed.reason));
	}
	if (channel_send_fd(worker->inheritance->channel, &message) != 0)
		return EX_UNAVAILABLE;
	return exit_status;
}

static int
run(struct inheritance *inheritance)
{
	struct worker worker = {
		.inheritance = inheritance,
		.drain_timeout_ms = inheritance->config->drain_timeout_ms,
		.signals = { .fd = -1 },
		.channel = { .fd = -1 },
		.takeover = { .inbox = -1, .direct = -1 },
		.handover = { .inbox = -1, .conversation = -1 },
		.gauges = { .statm = -1, .descriptors = -1 },
	};
	struct error error;
	int status = EX_OK;

	title_set("worker %d (generation %d)", inheritance->number, inheritance->generation);
	if (start(&worker, &error) != 0)
		status = EX_SOFTWARE;
	else if (worker_start_services(&worker, &error) != 0 ||
		privilege_confine(inheritance->config, &error) != 0)
		status = EX_CONFIG;
	else if (start_pool(&worker, &error) != 0)
		status = EX_OSERR;
	else if (tell_started(&worker, &error) != 0)
		status = EX_CONFIG;
	if (status != EX_OK)
		worker_stop_services(&worker); /* once it has heard why, the master may end this */
	status = report(&worker, status, &error);
	spawn_outlive_master(); /* from here on it notices by the channel, and drains */
	if (status == EX_OK)
		loop_run(&worker.loop);
	stop_pool(&worker);
	stop(&worker);
	return status;
}

const struct role worker_role = {
	.name = "worker",
	.run = run,
};
