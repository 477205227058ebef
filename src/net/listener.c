#include <config.h>

#include "net/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "config/place.h"
#include "net/listen_socket.h"
#include "net/seal.h"
#include "net/unix_socket.h"

void
listeners_open(struct listeners *listeners, bool locked)
{
	*listeners = (struct listeners){ .locked = locked };
	TAILQ_INIT(&listeners->list);
}

static int
add_socket(struct listeners *listeners, struct listener *listener,
	const struct config_service *service, struct error *error)
{
	size_t count = listener->socket_count + 1;
	struct listener_socket *grown =
		reallocarray(listener->sockets, count, sizeof(listener->sockets[0]));
	int fd;

	if (grown == NULL)
		return error_errno(error, "cannot make a socket");
	listener->sockets = grown;
	fd = listen_socket_open(listener, service, listeners->locked, error);
	listeners->busy = fd < 0 && errno == EADDRINUSE;
	if (fd < 0)
		return -1;
	grown[listener->socket_count++] =
		(struct listener_socket){ .fd = fd, .id = listeners->next_id++ };
	return 0;
}

struct listener *
listeners_adopt(struct listeners *listeners, const struct listener *from)
{
	struct listener *listener = malloc(sizeof(*listener));

	if (listener == NULL)
		return NULL;
	*listener = *from;
	listener->users = 1;
	TAILQ_INSERT_TAIL(&listeners->list, listener, entry);
	return listener;
}

int
listeners_adopt_socket(struct listener *listener, int fd, uint32_t id)
{
	struct listener_socket *grown = reallocarray(
		listener->sockets, listener->socket_count + 1, sizeof(listener->sockets[0]));

	if (grown == NULL)
		return -1;
	listener->sockets = grown;
	grown[listener->socket_count++] = (struct listener_socket){ .fd = fd, .id = id };
	return 0;
}

/*
 * A socket in the middle would leave its place to the last one, and steering goes by places:
 * sockets are closed from the end, and only those that nothing was steered to.
 */
static void
shrink(struct listener *listener, size_t count)
{
	while (listener->socket_count > count)
		fd_close(&listener->sockets[--listener->socket_count].fd);
}

/* Whether the path of a unix socket still names it. */
static bool
is_own_path(const struct listener *listener)
{
	struct stat st;

	return lstat(listener->address.un.sun_path, &st) == 0 && st.st_dev == listener->device &&
		st.st_ino == listener->inode;
}

static void
remove_path(const struct listener *listener)
{
	if (is_own_path(listener))
		unlink(listener->address.un.sun_path);
}

static void
close_listener(struct listeners *listeners, struct listener *listener)
{
	if (address_is_unix(&listener->address) && !listener->lent)
		remove_path(listener);
	shrink(listener, 0);
	free(listener->sockets);
	TAILQ_REMOVE(&listeners->list, listener, entry);
	free(listener);
}

static bool
is_used(const struct listener *listener, const struct listener_use *uses, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (uses[i].listener == listener)
			return true;
	}
	return false;
}

/* Whether LISTENER is what a socket for ASKED would be. */
static bool
is_for(const struct listener *listener, const struct address *asked)
{
	if (address_is_unix(&listener->asked) && address_is_unix(asked))
		return path_is_same(listener->asked.un.sun_path, asked->un.sun_path) &&
			is_own_path(listener);
	return listener->asked.size == asked->size &&
		memcmp(&listener->asked.storage, &asked->storage, asked->size) == 0;
}

/* With port 0 an address can be asked for more than once, each time another port. */
static struct listener *
find(const struct listeners *listeners, const struct address *asked, bool admin,
	const struct listener_use *uses, size_t count)
{
	struct listener *listener;

	TAILQ_FOREACH (listener, &listeners->list, entry) {
		if (listener->admin == admin && is_for(listener, asked) &&
			!is_used(listener, uses, count))
			return listener;
	}
	return NULL;
}

static struct listener *
make(struct listeners *listeners, const struct address *asked, const struct config_service *service,
	struct error *error)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		error_errno(error, "cannot make a listener");
		return NULL;
	}
	listener->asked = listener->address = *asked;
	listener->reuse_port = service->reuse_port && !address_is_unix(asked);
	listener->admin = config_service_is_admin(service);
	TAILQ_INSERT_TAIL(&listeners->list, listener, entry);
	return listener;
}

int
listeners_grow(struct listeners *listeners, struct listener *listener,
	const struct config_service *service, size_t workers, struct error *error)
{
	size_t wanted = listener->reuse_port ? workers : 1;

	while (listener->socket_count < wanted) {
		if (add_socket(listeners, listener, service, error) != 0)
			return -1;
	}
	return 0;
}

/* The kernel lets a socket into such a group only if all of it said so before they were bound. */
static int
check_reuse_port(
	const struct listener *listener, const struct config_service *service, struct error *error)
{
	if (address_is_unix(&listener->address) || listener->reuse_port == service->reuse_port)
		return 0;
	error_set(error,
		listener->lent
			? "the service manager has bound it, and all workers accept from it: "
			  "expected false"
			: "it is bound already: only a restart can change reuse_port of it");
	return place_service_error(error, &service->reuse_port_place, service->name, "reuse_port");
}

/* ERROR says why; now it says of what. Returns -1. */
static int
cannot_listen(const struct config_service *service, const char *text, struct error *error)
{
	error_prefix(error, "cannot listen on \"%s\": ", text);
	return place_service_error(error, &service->listen_place, service->name, "listen");
}

/* On failure the use is to be given up, too, if it has a listener. */
static int
use(struct listeners *listeners, const struct config_service *service, const char *text,
	size_t workers, struct listener_use *uses, size_t count, struct error *error)
{
	struct listener_use *own = &uses[count];
	struct address asked;

	if (address_parse(&asked, text, error) != 0)
		return cannot_listen(service, text, error);
	own->listener = find(listeners, &asked, config_service_is_admin(service), uses, count);
	if (own->listener == NULL)
		own->listener = make(listeners, &asked, service, error);
	if (own->listener == NULL)
		return cannot_listen(service, text, error);
	own->listener->users++;
	own->sockets_before = own->listener->socket_count;
	if (own->sockets_before > 0 && check_reuse_port(own->listener, service, error) != 0)
		return -1;
	if (listeners_grow(listeners, own->listener, service, workers, error) != 0)
		return cannot_listen(service, text, error);
	return 0;
}

static size_t
count_addresses(const struct config_service *services, size_t service_count)
{
	size_t count = 0;

	for (size_t i = 0; i < service_count; i++)
		count += services[i].listen.count;
	return count;
}

/* Counts the last one, which may have failed, too. */
static int
use_all(struct listeners *listeners, const struct config_service *services, size_t service_count,
	size_t workers, struct listener_use *uses, size_t *count, struct error *error)
{
	for (size_t i = 0; i < service_count; i++) {
		const struct config_service *service = &services[i];

		for (size_t j = 0; j < service->listen.count; j++) {
			uses[*count].service = i;
			if (use(listeners, service, service->listen.items[j], workers, uses,
				    (*count)++, error) != 0)
				return -1;
		}
	}
	return 0;
}

int
listeners_use(struct listeners *listeners, const struct config_service *services,
	size_t service_count, size_t workers, struct listener_use **uses, size_t *count,
	struct error *error)
{
	*count = 0;
	*uses = calloc(count_addresses(services, service_count) + 1, sizeof(**uses));
	if (*uses == NULL)
		return error_errno(error, "cannot make the listeners");
	listeners->busy = false;
	if (use_all(listeners, services, service_count, workers, *uses, count, error) == 0)
		return 0;
	listeners_give_up(listeners, uses, count, true);
	return -1;
}

static void
give_up(struct listeners *listeners, const struct listener_use *use, bool undo)
{
	struct listener *listener = use->listener;

	if (listener == NULL)
		return;
	if (undo)
		shrink(listener, use->sockets_before);
	if (--listener->users == 0)
		close_listener(listeners, listener);
}

void
listeners_give_up(struct listeners *listeners, struct listener_use **uses, size_t *count, bool undo)
{
	while (*count > 0)
		give_up(listeners, &(*uses)[--*count], undo);
	free(*uses);
	*uses = NULL;
}

void
listeners_adopted(struct listeners *listeners)
{
	struct listener *listener, *next;

	TAILQ_FOREACH_SAFE (listener, &listeners->list, entry, next) {
		if (!listener->lent)
			give_up(listeners, &(struct listener_use){ .listener = listener }, false);
	}
}

void
listeners_close(struct listeners *listeners)
{
	struct listener *listener, *next;

	TAILQ_FOREACH_SAFE (listener, &listeners->list, entry, next)
		close_listener(listeners, listener);
}

/* Who may connect from now on. A path that is not our own any more is left alone. */
static void
apply_access(const struct listener *listener, const struct config_service *service)
{
	const char *path = listener->address.un.sun_path;
	struct unix_socket_access access;
	struct error error;

	if (!is_own_path(listener))
		return;
	if (unix_socket_access(&access, service, &error) != 0 ||
		unix_socket_give(path, &access, &error) != 0)
		log_error("cannot change who may connect to a socket",
			log_str("service", service->name), log_str("reason", error.text));
}

void
listener_apply(struct listener *listener, const struct config_service *service)
{
	for (size_t i = 0; i < listener->socket_count; i++) {
		if (listen_socket_set(listener->sockets[i].fd, listener, service) != 0)
			log_error("cannot set options of a listener",
				log_str("service", service->name),
				log_str("error", strerror(errno)));
	}
	if (address_is_unix(&listener->address) && !listener->lent)
		apply_access(listener, service);
}

void
listener_seal(struct listener *listener)
{
	if (listener->lent)
		return;
	if (address_is_unix(&listener->address)) {
		remove_path(listener);
		return;
	}
	for (size_t i = 0; i < listener->socket_count; i++)
		seal_set(listener->sockets[i].fd);
}
