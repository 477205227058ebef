#include <config.h>

#include "net/acceptor.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/entry.h"
#include "net/seal.h"
#include "segment/accept_rate.h"

enum {
	FORMER_LOOK_MS = 1,  /* for workers of a former program to stop accepting... */
	FORMER_LOOKS = 5000, /* ...so often; then they are not waited for */
	TAKE_MAX = 16,       /* from a listener in a turn: who is served already waits no longer */
	YIELD_MS = 1,        /* for a less loaded worker to take what waits */
	YIELDS_MAX = 5,      /* in a row; then one is taken anyway, each time */
	LEEWAY_PART = 4,     /* of the places that were given back between two ticks */
	PAUSE_MIN_MS = 10,   /* for want of descriptors or memory, doubled each time */
	PAUSE_MAX_MS = 1000,
	RATE_REST_MS = 5, /* of a listener whose service has reached its accept_rate */
};

/*
 * Workers of a program with another layout of the segment do not count ours: they are to stop
 * first, which takes them a moment. They get five seconds, for a server that takes nobody is worse
 * than one that takes some too many.
 */
static bool
leaves_it_to_former(struct acceptor *acceptor)
{
	if (likely(former_sum(&acceptor->network->segment->former).accepting == 0) ||
		acceptor->former_looks == FORMER_LOOKS)
		return false;
	acceptor->former_looks++;
	loop_start_timer(acceptor->rest_timer, FORMER_LOOK_MS);
	return true;
}

/* Whoever adds an edge-triggered event hears of what waits already: epoll(7). */
static void
watch_all(struct acceptor *acceptor)
{
	struct acceptor_listener *listener;

	if (leaves_it_to_former(acceptor))
		return;
	TAILQ_FOREACH (listener, &acceptor->listeners, entry) {
		if (!listener->resting)
			event_add(listener->event, NULL);
	}
}

void
acceptor_start(struct acceptor *acceptor)
{
	acceptor->started = true;
	acceptor->released = admission_sum_released(acceptor->network->segment);
	watch_all(acceptor);
}

static void
set_waiting(struct acceptor_listener *listener, bool waiting)
{
	struct acceptor *acceptor = listener->acceptor;

	if (listener->waiting == waiting)
		return;
	listener->waiting = waiting;
	listener->yielding = false;
	listener->yields = 0;
	if (waiting)
		TAILQ_INSERT_TAIL(&acceptor->waiting, listener, waiting_entry);
	else
		TAILQ_REMOVE(&acceptor->waiting, listener, waiting_entry);
}

/* The edge is not reported again: it is remembered until the queue has been seen empty. */
static void
on_connection(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	set_waiting(arg, true);
}

static void
stop_watching(struct acceptor_listener *listener)
{
	event_del(listener->event);
	set_waiting(listener, false);
}

static void
rest(struct acceptor *acceptor, int64_t ms)
{
	struct acceptor_listener *listener;

	admission_set_pausing(acceptor->network->segment, true);
	TAILQ_FOREACH (listener, &acceptor->listeners, entry)
		stop_watching(listener);
	loop_start_timer(acceptor->rest_timer, ms);
}

static void
on_rested(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct acceptor *acceptor = arg;

	admission_set_pausing(acceptor->network->segment, false);
	watch_all(acceptor);
}

/* The listener alone: its service is too fast for now. */
static void
rest_listener(struct acceptor_listener *listener)
{
	listener->resting = true;
	stop_watching(listener);
	loop_start_timer(listener->rest_timer, RATE_REST_MS);
}

static void
on_listener_rested(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct acceptor_listener *listener = arg;

	listener->resting = false;
	if (!evtimer_pending(listener->acceptor->rest_timer, NULL))
		event_add(listener->event, NULL);
}

/* The connection stays in the kernel's queue, and trying again at once would only spin. */
static void
pause_accepting(struct acceptor *acceptor)
{
	struct network *network = acceptor->network;
	int64_t pause_ms = acceptor->pause_ms * 2;

	if (pause_ms < PAUSE_MIN_MS)
		pause_ms = PAUSE_MIN_MS;
	if (pause_ms > PAUSE_MAX_MS)
		pause_ms = PAUSE_MAX_MS;
	if (acceptor->pause_ms == 0 &&
		log_limit_pass(&network->accept_limit, loop_now(network->loop),
			"cannot accept, pausing", NULL))
		log_error("cannot accept, pausing", log_str("error", strerror(errno)),
			log_int("open", (int64_t)network->open_count));
	acceptor->pause_ms = pause_ms;
	rest(acceptor, pause_ms);
}

/* Any error would come again at once, with each edge. New workers will try anew. */
static void
give_up(struct acceptor_listener *listener)
{
	log_error("cannot accept, a listener is given up", log_str("error", strerror(errno)),
		log_str("service", listener->config->name));
	listener->resting = true;
	stop_watching(listener);
}

/* Takes one only if the rate allows; else it stays in the kernel's queue. */
static enum entry
take_at_rate(struct acceptor *acceptor, struct acceptor_listener *listener)
{
	struct segment *segment = acceptor->network->segment;
	int64_t now_ms = clock_monotonic_ms(); /* a turn may have begun long ago */
	enum entry taken;

	if (!accept_rate_claim(segment, listener->service_id,
		    (uint32_t)listener->config->accept_rate, now_ms)) {
		rest_listener(listener);
		return ENTRY_NONE;
	}
	taken = entry_take(acceptor, listener);
	if (taken != ENTRY_SERVED && taken != ENTRY_HELD)
		accept_rate_release(segment, listener->service_id, now_ms);
	return taken;
}

static void
take_one(struct acceptor_listener *listener)
{
	struct acceptor *acceptor = listener->acceptor;
	enum entry taken = listener->config->accept_rate > 0 ? take_at_rate(acceptor, listener)
							     : entry_take(acceptor, listener);

	switch (taken) {
	case ENTRY_NONE:
		set_waiting(listener, false);
		break;
	case ENTRY_SHORT:
		pause_accepting(acceptor);
		break;
	case ENTRY_BROKEN:
		give_up(listener);
		break;
	case ENTRY_HELD:
		loop_start_timer(acceptor->yield_timer, YIELD_MS);
		break;
	case ENTRY_REFUSED:
	case ENTRY_SERVED:
		acceptor->pause_ms = 0;
		break;
	}
}

/* Whether somebody is held still, for whom the others wait a millisecond more. */
static bool
is_held_up(struct acceptor *acceptor)
{
	if (likely(acceptor->held.fd < 0) || entry_try_again(acceptor, false) != ENTRY_HELD)
		return false;
	if (!evtimer_pending(acceptor->yield_timer, NULL))
		loop_start_timer(acceptor->yield_timer, YIELD_MS);
	return true;
}

/* Connections that make no difference to the spread, as they come and go now. */
static uint32_t
leeway_of(const struct acceptor *acceptor)
{
	uint64_t released = admission_sum_released(acceptor->network->segment) - acceptor->released;

	return (uint32_t)(MAX(released, acceptor->released_lately) / LEEWAY_PART);
}

/* A less loaded worker has the same edge and is to take what waits; see on_yielded. */
static bool
yields(struct acceptor_listener *listener, uint32_t leeway)
{
	struct acceptor *acceptor = listener->acceptor;
	struct network *network = acceptor->network;

	listener->yielding = !listener->alone &&
		admission_is_crowded(network->segment, leeway, loop_now(network->loop));
	if (listener->yielding && !evtimer_pending(acceptor->yield_timer, NULL))
		loop_start_timer(acceptor->yield_timer, YIELD_MS);
	return listener->yielding;
}

static void
take_some(struct acceptor_listener *listener, uint32_t leeway)
{
	for (int i = 0; i < TAKE_MAX && listener->waiting; i++) {
		if (is_held_up(listener->acceptor) || yields(listener, leeway))
			break;
		listener->yields = 0;
		take_one(listener);
	}
}

void
acceptor_turn(struct acceptor *acceptor)
{
	struct acceptor_listener *listener, *next;
	uint32_t leeway;

	if (TAILQ_EMPTY(&acceptor->waiting))
		return;
	leeway = leeway_of(acceptor);
	TAILQ_FOREACH_SAFE (listener, &acceptor->waiting, waiting_entry, next)
		take_some(listener, leeway);
}

void
acceptor_tick(struct acceptor *acceptor)
{
	const uint64_t released = admission_sum_released(acceptor->network->segment);

	acceptor->released_lately = released - acceptor->released;
	acceptor->released = released;
}

bool
acceptor_is_busy(const struct acceptor *acceptor)
{
	const struct acceptor_listener *listener;

	TAILQ_FOREACH (listener, &acceptor->waiting, waiting_entry) {
		if (!listener->yielding && acceptor->held.fd < 0)
			return true;
	}
	return false;
}

static bool
is_empty(const struct acceptor_listener *listener)
{
	struct pollfd poll_fd = { .fd = listener->fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 0;
}

/* Nobody has taken it: the less loaded worker is busy, or has taken others and is crowded now. */
static void
on_yielded(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct acceptor *acceptor = arg;
	struct acceptor_listener *listener, *next;

	if (is_held_up(acceptor))
		return;
	TAILQ_FOREACH_SAFE (listener, &acceptor->waiting, waiting_entry, next) {
		if (is_empty(listener))
			set_waiting(listener, false);
		else if (++listener->yields >= YIELDS_MAX)
			take_one(listener);
		if (acceptor->held.fd >= 0)
			break;
	}
}

/* Whether no other worker has the socket; one of the file system all have. */
static bool
is_alone(const struct config_service *service, int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	return service->reuse_port && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
		domain != AF_UNIX;
}

static void
free_timer(struct event **timer)
{
	if (*timer != NULL)
		event_free(*timer);
	*timer = NULL;
}

static void
close_listener(struct acceptor_listener *listener)
{
	struct acceptor *acceptor = listener->acceptor;

	if (acceptor->held.fd >= 0 && acceptor->held.listener == listener)
		entry_try_again(acceptor, true);
	set_waiting(listener, false);
	if (listener->event != NULL)
		event_free(listener->event);
	free_timer(&listener->rest_timer);
	fd_close(&listener->fd);
	free(listener);
}

static struct acceptor_listener *
make_listener(struct acceptor *acceptor, const struct inherited_listener *socket)
{
	const struct config_service *service = &acceptor->config->services[socket->service];
	struct acceptor_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL)
		return NULL;
	*listener = (struct acceptor_listener){
		.acceptor = acceptor,
		.config = service,
		.fd = -1,
		.id = socket->id,
		.service_id = acceptor->inheritance->service_ids[socket->service],
		.service = socket->service,
		.asks_peer = entry_asks_peer(service),
		.lent = socket->lent,
		.alone = is_alone(service, socket->fd),
	};
	return listener;
}

static int
watch(struct acceptor_listener *listener, int fd)
{
	struct event_base *base = listener->acceptor->network->loop->base;

	listener->event =
		event_new(base, fd, EV_READ | EV_PERSIST | EV_ET, on_connection, listener);
	if (listener->config->accept_rate > 0)
		listener->rest_timer = evtimer_new(base, on_listener_rested, listener);
	if (listener->event == NULL ||
		(listener->config->accept_rate > 0 && listener->rest_timer == NULL))
		return -1;
	listener->fd = fd;
	return 0;
}

int
acceptor_add(
	struct acceptor *acceptor, const struct inherited_listener *socket, struct error *error)
{
	struct acceptor_listener *listener = make_listener(acceptor, socket);

	if (listener == NULL || watch(listener, socket->fd) != 0) {
		error_errno(error, "cannot watch a listener");
		if (listener != NULL)
			close_listener(listener);
		close(socket->fd);
		return -1;
	}
	TAILQ_INSERT_TAIL(&acceptor->listeners, listener, entry);
	if (acceptor->started && !evtimer_pending(acceptor->rest_timer, NULL))
		event_add(listener->event, NULL);
	return 0;
}

int
acceptor_open(struct acceptor *acceptor, struct network *network,
	const struct inheritance *inheritance,
	void (*accepted)(void *arg, int fd, size_t service, struct admission_place place),
	void *arg, struct error *error)
{
	*acceptor = (struct acceptor){
		.network = network,
		.inheritance = inheritance,
		.config = inheritance->config,
		.rest_timer = evtimer_new(network->loop->base, on_rested, acceptor),
		.yield_timer = evtimer_new(network->loop->base, on_yielded, acceptor),
		.held = { .fd = -1 },
		.accepted = accepted,
		.arg = arg,
	};
	TAILQ_INIT(&acceptor->listeners);
	TAILQ_INIT(&acceptor->waiting);
	if (acceptor->rest_timer == NULL || acceptor->yield_timer == NULL)
		return error_errno(error, "cannot watch the listeners");
	for (size_t i = 0; i < inheritance->listener_count; i++) {
		if (acceptor_add(acceptor, &inheritance->listeners[i], error) != 0)
			return -1;
	}
	return 0;
}

/* The master has sealed the listener, too, unless it is gone. */
static void
take_queued(struct acceptor *acceptor, const struct acceptor_listener *listener)
{
	if (listener->lent)
		return;
	seal_set(listener->fd);
	acceptor->sealed = true;
	for (int64_t left = listener->config->backlog; left >= 0; left--) {
		enum entry taken = entry_take(acceptor, listener);

		if (taken != ENTRY_SERVED && taken != ENTRY_REFUSED)
			break;
	}
}

void
acceptor_take_queued(struct acceptor *acceptor)
{
	const struct acceptor_listener *listener;

	TAILQ_FOREACH (listener, &acceptor->listeners, entry)
		take_queued(acceptor, listener);
}

void
acceptor_remove(struct acceptor *acceptor, uint32_t id, bool last)
{
	struct acceptor_listener *listener;

	TAILQ_FOREACH (listener, &acceptor->listeners, entry) {
		if (listener->id == id)
			break;
	}
	if (listener == NULL)
		return;
	if (last)
		take_queued(acceptor, listener);
	TAILQ_REMOVE(&acceptor->listeners, listener, entry);
	close_listener(listener);
}

void
acceptor_close(struct acceptor *acceptor)
{
	struct acceptor_listener *listener;

	if (acceptor->network == NULL)
		return;
	while ((listener = TAILQ_FIRST(&acceptor->listeners)) != NULL) {
		TAILQ_REMOVE(&acceptor->listeners, listener, entry);
		close_listener(listener);
	}
	free_timer(&acceptor->rest_timer);
	free_timer(&acceptor->yield_timer);
}
