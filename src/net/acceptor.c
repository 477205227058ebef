#include <config.h>

#include "net/acceptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/fd.h"
#include "segment/admission.h"

enum {
	YIELD_MS = 1,      /* out of the way of a less loaded worker */
	YIELDS_MAX = 5,    /* in a row; then the connection is taken anyway */
	PAUSE_MIN_MS = 10, /* for want of descriptors or memory, doubled each time */
	PAUSE_MAX_MS = 1000,
	QUEUE_MAX = 1024, /* connections that a listener's queue may hold */
};

void
acceptor_start(struct acceptor *acceptor)
{
	for (size_t i = 0; i < acceptor->count; i++)
		event_add(acceptor->listeners[i].event, NULL);
}

static void
rest(struct acceptor *acceptor, int64_t ms)
{
	for (size_t i = 0; i < acceptor->count; i++)
		event_del(acceptor->listeners[i].event);
	loop_start_timer(acceptor->timer, ms);
}

static void
on_timer(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	acceptor_start(arg);
}

/* Lets a less loaded worker have the connection, but does not leave it waiting for long. */
static bool
yields(struct acceptor *acceptor)
{
	struct network *network = acceptor->network;

	if (acceptor->yields >= YIELDS_MAX ||
		!admission_is_crowded(network->segment, loop_now(network->loop)))
		return false;
	acceptor->yields++;
	rest(acceptor, YIELD_MS);
	return true;
}

static void
log_refused(struct acceptor *acceptor, const struct acceptor_listener *listener, int fd,
	const char *reason)
{
	struct network *network = acceptor->network;
	char text[ADDRESS_TEXT_MAX];

	if (!log_limit_pass(&network->refused_limit, loop_now(network->loop)))
		return;
	address_print_peer(fd, text);
	log_warn("connection refused", log_str("reason", reason),
		log_str("service", acceptor->config->services[listener->service].name),
		log_str("peer", text));
}

static void
admit(struct acceptor *acceptor, const struct acceptor_listener *listener, int fd)
{
	const struct config *config = acceptor->config;
	size_t service = listener->service;

	switch (admission_claim(acceptor->network->segment, acceptor->service_ids[service],
		(uint32_t)config->max_connections,
		(uint32_t)config->services[service].max_connections)) {
	case ADMISSION_GRANTED:
		acceptor->accepted(acceptor->arg, fd, service);
		return;
	case ADMISSION_FULL:
		log_refused(acceptor, listener, fd, "max_connections");
		break;
	case ADMISSION_SERVICE_FULL:
		log_refused(acceptor, listener, fd, "max_connections of the service");
		break;
	}
	close(fd);
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
		log_limit_pass(&network->accept_limit, loop_now(network->loop)))
		log_error("cannot accept, pausing", log_str("error", strerror(errno)),
			log_int("open", (int64_t)network->open_count));
	acceptor->pause_ms = pause_ms;
	rest(acceptor, pause_ms);
}

static void
accept_failed(struct acceptor *acceptor)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		pause_accepting(acceptor);
		break;
	default: /* taken by another worker, or gone again: accept(2), "Error handling" */
		break;
	}
}

/* Returns whether there was a connection to take. */
static bool
take(struct acceptor *acceptor, const struct acceptor_listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		accept_failed(acceptor);
		return errno == ECONNABORTED || errno == EINTR;
	}
	acceptor->pause_ms = 0;
	admit(acceptor, listener, fd);
	return true;
}

static void
on_connection(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	const struct acceptor_listener *listener = arg;
	struct acceptor *acceptor = listener->acceptor;

	if (yields(acceptor))
		return;
	acceptor->yields = 0;
	take(acceptor, listener);
}

static int
watch(struct acceptor *acceptor, const struct inherited_listener *socket)
{
	struct acceptor_listener *listener = &acceptor->listeners[acceptor->count];

	*listener = (struct acceptor_listener){
		.acceptor = acceptor,
		.fd = socket->fd,
		.service = socket->service,
		.event = event_new(acceptor->network->loop->base, socket->fd, EV_READ | EV_PERSIST,
			on_connection, listener),
	};
	acceptor->count++;
	return listener->event != NULL ? 0 : -1;
}

int
acceptor_open(struct acceptor *acceptor, struct network *network,
	const struct inheritance *inheritance, void (*accepted)(void *arg, int fd, size_t service),
	void *arg, struct error *error)
{
	size_t count = inheritance->listener_count;

	*acceptor = (struct acceptor){
		.network = network,
		.config = inheritance->config,
		.service_ids = inheritance->service_ids,
		.listeners = calloc(count, sizeof(acceptor->listeners[0])),
		.timer = evtimer_new(network->loop->base, on_timer, acceptor),
		.accepted = accepted,
		.arg = arg,
	};
	if (acceptor->listeners == NULL || acceptor->timer == NULL)
		return error_errno(error, "cannot watch the listeners");
	for (size_t i = 0; i < count; i++) {
		if (watch(acceptor, &inheritance->listeners[i]) != 0)
			return error_errno(error, "cannot watch the listeners");
	}
	return 0;
}

void
acceptor_take_queued(struct acceptor *acceptor)
{
	for (size_t i = 0; i < acceptor->count; i++) {
		for (int left = QUEUE_MAX; left > 0; left--) {
			if (!take(acceptor, &acceptor->listeners[i]))
				break;
		}
	}
}

void
acceptor_close(struct acceptor *acceptor)
{
	for (size_t i = 0; i < acceptor->count; i++) {
		if (acceptor->listeners[i].event != NULL)
			event_free(acceptor->listeners[i].event);
		fd_close(&acceptor->listeners[i].fd);
	}
	acceptor->count = 0;
	free(acceptor->listeners);
	acceptor->listeners = NULL;
	if (acceptor->timer != NULL)
		event_free(acceptor->timer);
	acceptor->timer = NULL;
}
