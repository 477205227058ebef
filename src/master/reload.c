#include <config.h>

#include "master/reload.h"

#include <sysexits.h>

#include "base/log.h"
#include "config/diff.h"
#include "config/place.h"
#include "master/shown.h"
#include "net/listener.h"
#include "process/descriptors.h"

enum {
	BIND_AGAIN_MS = 20,
};

static struct generation *
serving(const struct reload *reload)
{
	return reload->supervisor->serving;
}

/* DELAY_MS is 0 for the next turn: what has called may not be done with its generation yet. */
static void
wait(struct reload *reload, int64_t delay_ms)
{
	reload->state = RELOAD_WAITING;
	loop_start_timer(reload->timer, delay_ms);
}

/* One that was asked for meanwhile comes next. */
static void
finish(struct reload *reload)
{
	reload->state = RELOAD_IDLE;
	reload->said = false;
	reload->asked_ms = loop_now(reload->supervisor->loop);
	if (reload->again)
		wait(reload, 0);
	reload->again = false;
}

static void
tell(const struct reload *reload, const char *reason, int status, bool replaced)
{
	const struct reload_end end = {
		.reason = reason,
		.status = status,
		.replaced = replaced,
		.took_ms = loop_now(reload->supervisor->loop) - reload->asked_ms,
	};

	reload->ended(reload->arg, &end);
}

/* FAILURE: why it has failed, or NULL; and the exit STATUS for it. */
static void
report(const struct reload *reload, const char *failure, int status, bool replaced)
{
	shown_reload(serving(reload), failure);
	announce_reloaded(reload->announce, failure);
	tell(reload, failure, status, replaced);
}

static void
fail(struct reload *reload, const char *reason)
{
	report(reload, reason, EX_CONFIG, false);
	log_error("reload failed", log_int("serving", serving(reload)->number),
		log_str("reason", reason));
	sink_close(&reload->sink);
	finish(reload);
}

static int
check_restart(const struct diff *diff, struct error *error)
{
	const struct option *option = diff->restart;

	if (option == NULL)
		return 0;
	error_set(error, "only a restart can change it");
	return place_error(error, diff->restart_place, option->key);
}

/* The new configuration, checked against the one in use; NULL with the reason. */
static struct config *
read_config(const struct reload *reload, struct diff *diff, struct error *error)
{
	struct config *config = config_from(&reload->source, error);

	if (config == NULL)
		return NULL;
	diff_find(diff, serving(reload)->config, config);
	if (check_restart(diff, error) != 0)
		config_free(&config);
	return config;
}

static int
open_log(struct reload *reload, const struct config *config, struct error *error)
{
	if (sink_open(&reload->sink, config->log_target, error) == 0)
		return 0;
	return place_error(error, &config->log_target_place, "log.target");
}

static struct generation *
prepare(struct reload *reload, struct diff *diff, struct error *error)
{
	struct config *config = read_config(reload, diff, error);
	struct generation *next;

	if (config == NULL || open_log(reload, config, error) != 0) {
		config_free(&config);
		return NULL;
	}
	next = generation_open(config, serving(reload)->segment, serving(reload)->listeners,
		reload->generations + 1, error);
	return next;
}

/* The serving configuration has new settings of the log. */
static void
use_log(struct reload *reload)
{
	const struct config *config = serving(reload)->config;

	log_use(&reload->sink, config->log_format, config->log_level);
	supervisor_send_settings(reload->supervisor);
}

/* Nothing but what the workers that there are can take over. */
static void
take_over(struct reload *reload, struct generation *next)
{
	struct generation *generation = serving(reload);
	struct config *former = generation->config;

	generation->config = next->config;
	next->config = former;
	generation_close(&next);
	use_log(reload);
	log_info("reloaded", log_int("generation", generation->number),
		log_int("workers", (int64_t)generation->seat_count), log_str("replaced", "no"));
	report(reload, NULL, EX_OK, false);
	finish(reload);
}

/* Slots of workers that drain come back; until then there is nobody whom to start. */
static bool
must_wait(struct reload *reload, struct generation *next)
{
	const size_t slots = supervisor_free_slots(reload->supervisor);

	if (next->seat_count <= slots)
		return false;
	if (!reload->said)
		log_warn("reload waits for workers that drain",
			log_int("workers", (int64_t)next->seat_count),
			log_int("slots", (int64_t)slots));
	reload->said = true;
	reload->state = RELOAD_WAITING;
	generation_close(&next);
	sink_close(&reload->sink);
	return true;
}

/* An address may be our own still: of a listener that workers are about to close. */
static bool
may_bind_again(const struct reload *reload, const struct generation *next)
{
	struct supervisor *supervisor = reload->supervisor;

	return next->listeners->busy && supervisor_lets_go(supervisor) &&
		loop_now(supervisor->loop) - reload->asked_ms < next->config->start_timeout_ms;
}

static void
cannot_bind(struct reload *reload, struct generation *next, const char *reason)
{
	const bool again = may_bind_again(reload, next);

	generation_close(&next);
	if (!again) {
		fail(reload, reason);
		return;
	}
	sink_close(&reload->sink);
	wait(reload, BIND_AGAIN_MS);
}

static void
start(struct reload *reload, struct generation *next)
{
	struct error error;

	descriptors_provide(next->config, next->seat_count);
	if (generation_bind(next, &error) != 0) {
		cannot_bind(reload, next, error.text);
		return;
	}
	reload->generations++;
	reload->state = RELOAD_STARTING;
	reload->begun_ms = loop_now(reload->supervisor->loop);
	if (supervisor_start(reload->supervisor, next, &error) != 0)
		reload_failed(reload, error.text);
}

/* Whether the workers that there are will do. */
static bool
needs_no_workers(
	const struct reload *reload, const struct diff *diff, const struct generation *next)
{
	const struct generation *generation = serving(reload);

	return !reload->stale && diff->at_once && !diff->new_workers &&
		next->seat_count == generation->seat_count &&
		generation_has_same_modules(generation, next);
}

static void
begin(struct reload *reload)
{
	struct generation *next;
	struct error error;
	struct diff diff;

	announce_reloading(reload->announce);
	next = prepare(reload, &diff, &error);
	if (next == NULL)
		fail(reload, error.text);
	else if (needs_no_workers(reload, &diff, next))
		take_over(reload, next);
	else if (!must_wait(reload, next))
		start(reload, next);
}

static void
on_timer(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	reload_resume(arg);
}

int
reload_open(struct reload *reload, const struct config_source *source,
	struct supervisor *supervisor, struct announce *announce,
	void (*ended)(void *arg, const struct reload_end *end), void *arg, struct error *error)
{
	*reload = (struct reload){
		.source = *source,
		.supervisor = supervisor,
		.announce = announce,
		.timer = evtimer_new(supervisor->loop->base, on_timer, reload),
		.generations = 1,
		.sink = { .fd = -1 },
		.ended = ended,
		.arg = arg,
	};
	reload->source.again = true;
	return reload->timer != NULL ? 0 : error_set(error, "cannot make a timer");
}

void
reload_close(struct reload *reload)
{
	if (reload->timer != NULL)
		event_free(reload->timer);
	reload->timer = NULL;
	if (reload->state == RELOAD_STARTING)
		sink_close(&reload->sink);
}

void
reload_start(struct reload *reload)
{
	announce_ready(reload->announce);
	finish(reload);
}

void
reload_all(struct reload *reload)
{
	reload->stale = true;
}

void
reload_ask(struct reload *reload)
{
	switch (reload->state) {
	case RELOAD_CLOSED:
		log_info("reload after the start");
		reload->again = true;
		break;
	case RELOAD_IDLE:
		reload->asked_ms = loop_now(reload->supervisor->loop);
		begin(reload);
		break;
	case RELOAD_WAITING:
		begin(reload); /* perhaps it need not wait with what is to be read now */
		break;
	case RELOAD_STARTING:
		log_info("reload after the one that is under way");
		reload->again = true;
		break;
	}
}

void
reload_ready(struct reload *reload)
{
	struct supervisor *supervisor = reload->supervisor;
	const struct generation *next = supervisor->starting;

	supervisor_switch(supervisor);
	reload->stale = false;
	for (size_t i = 0; i < next->admin_use_count; i++)
		listener_apply(next->admin_uses[i].listener,
			&next->config->admin[next->admin_uses[i].service]);
	for (size_t i = 0; i < next->use_count; i++)
		listener_apply(
			next->uses[i].listener, &next->config->services[next->uses[i].service]);
	use_log(reload);
	generation_log_listeners(next, false);
	log_info("reloaded", log_int("generation", next->number),
		log_int("workers", (int64_t)next->seat_count), log_str("replaced", "yes"),
		log_int("took_ms", loop_now(supervisor->loop) - reload->begun_ms));
	report(reload, NULL, EX_OK, true);
	finish(reload);
}

void
reload_failed(struct reload *reload, const char *reason)
{
	supervisor_abandon(reload->supervisor);
	fail(reload, reason);
}

static int
open_anew(const struct config *config, struct sink *sink)
{
	struct error error;

	if (sink_open(sink, config->log_target, &error) == 0)
		return 0;
	log_error("cannot open the log anew", log_str("reason", error.text));
	return -1;
}

/* The new log, if that is to be another one, was opened before its file was moved away. */
static void
reopen_next(struct reload *reload)
{
	struct sink sink;

	if (open_anew(reload->supervisor->starting->config, &sink) != 0)
		return;
	sink_close(&reload->sink);
	reload->sink = sink;
}

void
reload_reopen_log(struct reload *reload)
{
	const struct config *config = serving(reload)->config;
	struct sink sink;

	if (open_anew(config, &sink) != 0)
		return;
	log_use(&sink, config->log_format, config->log_level);
	supervisor_send_settings(reload->supervisor);
	if (reload->state == RELOAD_STARTING)
		reopen_next(reload);
	log_info("log opened anew");
}

void
reload_resume(struct reload *reload)
{
	if (reload->state == RELOAD_WAITING)
		begin(reload);
}

/* Whoever asked while one was under way waits for the end of the one after it. */
void
reload_cancel(struct reload *reload)
{
	if (reload->state == RELOAD_STARTING)
		sink_close(&reload->sink);
	if (reload->state == RELOAD_STARTING || reload->state == RELOAD_WAITING)
		log_warn("reload given up: the server is about to end");
	for (int ends = reload->again ? 2 : 1; ends > 0; ends--)
		tell(reload, "the server is about to end", EX_TEMPFAIL, false);
	reload->state = RELOAD_CLOSED;
	reload->again = false;
}
