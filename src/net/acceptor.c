#include <config.h>

#include "net/acceptor.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/fd.h"
#include "base/host.h"
#include "base/subnet.h"
#include "net/seal.h"
#include "segment/accept_rate.h"

enum {
	TAKE_MAX = 16,     /* from a listener in a turn: who is served already waits no longer */
	YIELD_MS = 1,      /* for a less loaded worker to take what waits */
	YIELDS_MAX = 5,    /* in a row; then one is taken anyway, each time */
	LEEWAY_PART = 4,   /* of the places that were given back between two ticks */
	PAUSE_MIN_MS = 10, /* for want of descriptors or memory, doubled each time */
	PAUSE_MAX_MS = 1000,
	RATE_REST_MS = 5, /* of a listener whose service has reached its accept_rate */
};

enum taken {
	TAKEN_NONE, /* there was none to take */
	TAKEN_REFUSED,
	TAKEN_SERVED,
};

static const enum refusal refusals[] = {
	[ADMISSION_GRANTED] = REFUSAL_NONE,
	[ADMISSION_FULL] = REFUSAL_FULL,
	[ADMISSION_SERVICE_FULL] = REFUSAL_SERVICE_FULL,
	[ADMISSION_ADDRESS_FULL] = REFUSAL_ADDRESS_FULL,
	[ADMISSION_NO_ROOM] = REFUSAL_NO_ROOM,
};
static_assert(countof(refusals) == ADMISSION__COUNT, "a refusal for each outcome");

/* Whoever adds an edge-triggered event hears of what waits already: epoll(7). */
static void
watch_all(const struct acceptor *acceptor)
{
	struct acceptor_listener *listener;

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

	TAILQ_FOREACH (listener, &acceptor->listeners, entry)
		stop_watching(listener);
	loop_start_timer(acceptor->rest_timer, ms);
}

static void
on_rested(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	watch_all(arg);
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

static void
log_refused(struct network *network, const struct acceptor_listener *listener, int fd,
	enum refusal refusal)
{
	char text[ADDRESS_TEXT_MAX];

	if (!network_may_log_refusal(network, refusal))
		return;
	address_print_peer(fd, text);
	log_warn("connection refused", log_str("reason", refusal_text(refusal)),
		log_str("service", listener->config->name), log_str("peer", text));
}

static bool
is_in(const struct config_networks *networks, const struct host *host)
{
	for (size_t i = 0; i < networks->texts.count; i++) {
		if (subnet_has(&networks->items[i], host))
			return true;
	}
	return false;
}

/* Why a client may not connect at all. */
static enum refusal
find_ban(const struct config_service *service, const struct host *host)
{
	if (is_in(&service->deny, host))
		return REFUSAL_DENIED;
	if (service->allow.texts.count > 0 && !is_in(&service->allow, host))
		return REFUSAL_NOT_ALLOWED;
	return REFUSAL_NONE;
}

/* Why there is no place for the client; if there is, it has PLACE. */
static enum refusal
find_place(const struct acceptor *acceptor, const struct acceptor_listener *listener,
	const struct host *host, struct admission_place *place)
{
	const struct admission_claim claim = {
		.service = listener->service_id,
		.limit = (uint32_t)acceptor->config->max_connections,
		.service_limit = (uint32_t)listener->config->max_connections,
		.address_limit = (uint32_t)listener->config->max_connections_per_ip,
		.host = host,
	};

	return refusals[admission_claim(acceptor->network->segment, &claim, place)];
}

/* HOST is NULL for a client that has none, or whose does not matter. */
static enum taken
admit(struct acceptor *acceptor, const struct acceptor_listener *listener, int fd,
	const struct host *host)
{
	struct admission_place place;
	enum refusal refusal = REFUSAL_NONE;

	if (host != NULL)
		refusal = find_ban(listener->config, host);
	if (refusal == REFUSAL_NONE)
		refusal = find_place(acceptor, listener, host, &place);
	if (refusal == REFUSAL_NONE) {
		acceptor->accepted(acceptor->arg, fd, listener->service, place);
		return TAKEN_SERVED;
	}
	log_refused(acceptor->network, listener, fd, refusal);
	close(fd);
	return TAKEN_REFUSED;
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

static enum taken
accept_failed(struct acceptor *acceptor)
{
	switch (errno) {
	case EAGAIN:
		return TAKEN_NONE;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		pause_accepting(acceptor);
		return TAKEN_NONE;
	default: /* one that is gone again: accept(2), "Error handling" */
		return TAKEN_REFUSED;
	}
}

static enum taken
take(struct acceptor *acceptor, const struct acceptor_listener *listener)
{
	struct address peer = { .size = sizeof(peer.storage) };
	struct host host;
	int fd;

	/* The kernel copies an address to whoever gives room for it, so nobody else does. */
	if (listener->asks_peer)
		fd = accept4(listener->fd, &peer.sa, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	else
		fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return accept_failed(acceptor);
	if (acceptor->sealed)
		seal_lift(fd);
	acceptor->pause_ms = 0;
	if (listener->asks_peer && host_of(&host, &peer))
		return admit(acceptor, listener, fd, &host);
	return admit(acceptor, listener, fd, NULL);
}

/* Takes one only if the rate allows; else it stays in the kernel's queue. */
static enum taken
take_at_rate(struct acceptor *acceptor, struct acceptor_listener *listener)
{
	struct segment *segment = acceptor->network->segment;
	int64_t now_ms = clock_monotonic_ms(); /* a turn may have begun long ago */
	enum taken taken;

	if (!accept_rate_claim(segment, listener->service_id,
		    (uint32_t)listener->config->accept_rate, now_ms)) {
		rest_listener(listener);
		return TAKEN_NONE;
	}
	taken = take(acceptor, listener);
	if (taken != TAKEN_SERVED)
		accept_rate_release(segment, listener->service_id, now_ms);
	return taken;
}

static void
take_one(struct acceptor_listener *listener)
{
	struct acceptor *acceptor = listener->acceptor;
	enum taken taken = listener->config->accept_rate > 0 ? take_at_rate(acceptor, listener)
							     : take(acceptor, listener);

	if (taken == TAKEN_NONE)
		set_waiting(listener, false);
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
yields(const struct acceptor_listener *listener, uint32_t leeway)
{
	struct acceptor *acceptor = listener->acceptor;
	struct network *network = acceptor->network;

	if (listener->alone ||
		!admission_is_crowded(network->segment, leeway, loop_now(network->loop)))
		return false;
	acceptor->yielding = true;
	if (!evtimer_pending(acceptor->yield_timer, NULL))
		loop_start_timer(acceptor->yield_timer, YIELD_MS);
	return true;
}

static void
take_some(struct acceptor_listener *listener, uint32_t leeway)
{
	for (int i = 0; i < TAKE_MAX && listener->waiting; i++) {
		if (yields(listener, leeway))
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

	acceptor->yielding = false;
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
	return !acceptor->yielding && !TAILQ_EMPTY(&acceptor->waiting);
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

	TAILQ_FOREACH_SAFE (listener, &acceptor->waiting, waiting_entry, next) {
		if (is_empty(listener))
			set_waiting(listener, false);
		else if (++listener->yields >= YIELDS_MAX)
			take_one(listener);
	}
}

static bool
asks_peer(const struct config_service *service)
{
	return service->max_connections_per_ip > 0 || service->allow.texts.count > 0 ||
		service->deny.texts.count > 0;
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
		.asks_peer = asks_peer(service),
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
	seal_set(listener->fd);
	acceptor->sealed = true;
	for (int64_t left = listener->config->backlog; left >= 0; left--) {
		if (take(acceptor, listener) == TAKEN_NONE)
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
