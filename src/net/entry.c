#include <config.h>

#include "net/entry.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/host.h"
#include "base/subnet.h"
#include "net/acceptor.h"
#include "net/seal.h"
#include "segment/counters.h"

enum {
	HELD_MS = 10,
};

static const enum refusal refusals[] = {
	[ADMISSION_GRANTED] = REFUSAL_NONE,
	[ADMISSION_FULL] = REFUSAL_FULL,
	[ADMISSION_SERVICE_FULL] = REFUSAL_SERVICE_FULL,
	[ADMISSION_ADDRESS_FULL] = REFUSAL_ADDRESS_FULL,
	[ADMISSION_NO_ROOM] = REFUSAL_NO_ROOM,
};
static_assert(countof(refusals) == ADMISSION__COUNT, "a refusal for each outcome");

bool
entry_asks_peer(const struct config_service *service)
{
	return service->max_connections_per_ip > 0 || service->allow.texts.count > 0 ||
		service->deny.texts.count > 0;
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

static bool
is_for_want_of_places(enum refusal refusal)
{
	return refusal == REFUSAL_FULL || refusal == REFUSAL_SERVICE_FULL ||
		refusal == REFUSAL_ADDRESS_FULL;
}

static void
hold(struct acceptor *acceptor, const struct acceptor_listener *listener, int fd,
	const struct host *host)
{
	acceptor->held = (struct entry_held){
		.fd = fd,
		.listener = listener,
		.has_host = host != NULL,
		.until_ms = loop_now(acceptor->network->loop) + HELD_MS,
	};
	if (host != NULL)
		acceptor->held.host = *host;
}

static enum entry
refuse(const struct acceptor *acceptor, const struct acceptor_listener *listener, int fd,
	enum refusal refusal)
{
	log_refused(acceptor->network, listener, fd, refusal);
	counters_add(
		acceptor->network->segment, listener->service_id, COUNTER_REFUSED + refusal, 1);
	close(fd);
	return ENTRY_REFUSED;
}

/*
 * Places that count too much are asked for first: one that does not any more by then is free for
 * the claim. So nobody is refused who has seen another connection end.
 */
enum entry
entry_try_again(struct acceptor *acceptor, bool last)
{
	const struct entry_held held = acceptor->held;
	const bool may_wait = !last && loop_now(acceptor->network->loop) < held.until_ms &&
		admission_overcounts(acceptor->network->segment);
	struct admission_place place;
	enum refusal refusal =
		find_place(acceptor, held.listener, held.has_host ? &held.host : NULL, &place);

	if (may_wait && is_for_want_of_places(refusal))
		return ENTRY_HELD;
	acceptor->held.fd = -1;
	if (refusal != REFUSAL_NONE)
		return refuse(acceptor, held.listener, held.fd, refusal);
	acceptor->accepted(acceptor->arg, held.fd, held.listener->service, place);
	return ENTRY_SERVED;
}

/* HOST is NULL for a client that has none, or whose does not matter. */
static enum entry
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
		return ENTRY_SERVED;
	}
	if (!acceptor->sealed && is_for_want_of_places(refusal)) {
		hold(acceptor, listener, fd, host);
		return entry_try_again(acceptor, false);
	}
	return refuse(acceptor, listener, fd, refusal);
}

/* Errors of a connection, not of the listener: accept(2), "Error handling". */
static enum entry
entry_failed(void)
{
	switch (errno) {
	case EAGAIN:
		return ENTRY_NONE;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return ENTRY_SHORT;
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
		return ENTRY_BROKEN;
	default: /* one that is gone again */
		return ENTRY_REFUSED;
	}
}

enum entry
entry_take(struct acceptor *acceptor, const struct acceptor_listener *listener)
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
		return entry_failed();
	if (acceptor->sealed)
		seal_lift(fd);
	if (listener->asks_peer && host_of(&host, &peer))
		return admit(acceptor, listener, fd, &host);
	return admit(acceptor, listener, fd, NULL);
}
