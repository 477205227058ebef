#include <config.h>

#include "net/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "config/place.h"
#include "net/listen_socket.h"

enum {
	FIRST = STDERR_FILENO + 1,
	COUNT_MAX = 1024, /* more addresses than a configuration has */
};

static const char pid_variable[] = "LISTEN_PID";
static const char count_variable[] = "LISTEN_FDS";
static const char names_variable[] = "LISTEN_FDNAMES";

/* What a `listen` asks for. */
struct place {
	const struct config_service *service;
	struct address address;
};

static bool
is_for_us(void)
{
	const char *pid = getenv(pid_variable), *bad;

	return pid != NULL && strtonum(pid, 1, INT_MAX, &bad) == getpid();
}

static int
take_count(struct activation *activation, struct error *error)
{
	const char *count = getenv(count_variable), *bad;

	if (count == NULL)
		return 0;
	activation->count = (int)strtonum(count, 0, COUNT_MAX, &bad);
	if (bad == NULL)
		return 0;
	return error_set(error, "%s is \"%.64s\": expected a number of descriptors, %d at most",
		count_variable, count, COUNT_MAX);
}

/* The name of the socket with that INDEX, "" without. */
static void
find_name(const struct activation *activation, int index, char name[static 64])
{
	const char *at = activation->names;

	for (; index > 0 && at != NULL; index--) {
		at = strchr(at, ':');
		at = at != NULL ? at + 1 : NULL;
	}
	name[0] = '\0';
	if (at != NULL)
		strlcpy(name, at, 64);
	name[strcspn(name, ":")] = '\0';
}

/* ERROR says what is wrong; now it says of what. Returns -1. */
static int
cannot_use(const struct activation *activation, int index, struct error *error)
{
	char name[64];

	find_name(activation, index, name);
	if (name[0] == '\0')
		return error_prefix(error, "descriptor %d of %s: ", FIRST + index, count_variable);
	return error_prefix(
		error, "descriptor %d of %s, \"%s\": ", FIRST + index, count_variable, name);
}

static int
not_open(const struct activation *activation, int index, struct error *error)
{
	error_errno(error, "it cannot be used");
	return cannot_use(activation, index, error);
}

int
activation_take(struct activation *activation, struct error *error)
{
	const char *names = getenv(names_variable);
	int result = 0;

	*activation = (struct activation){ 0 };
	if (names != NULL)
		strlcpy(activation->names, names, sizeof(activation->names));
	if (is_for_us())
		result = take_count(activation, error);
	unsetenv(pid_variable);
	unsetenv(count_variable);
	unsetenv(names_variable);
	for (int i = 0; result == 0 && i < activation->count; i++) {
		if (fd_set_cloexec(FIRST + i, true) != 0)
			result = not_open(activation, i, error);
	}
	return result;
}

int
activation_end(const struct activation *activation)
{
	return FIRST + activation->count;
}

static int
option(int fd, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

static int
check_kind(int fd, struct error *error)
{
	if (option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
		option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
		return error_set(error,
			"it is no socket that listens for connections: expected ListenStream=, and "
			"Accept=no");
	return 0;
}

/* That of a unix socket is then as address_parse makes it; one without a path has none. */
static int
find_address(int fd, struct address *address, struct error *error)
{
	*address = (struct address){ .size = sizeof(address->storage) };
	if (getsockname(fd, &address->sa, &address->size) != 0)
		return error_errno(error, "cannot get its address");
	if (address_is_unix(address))
		address->size = sizeof(address->un);
	return 0;
}

/* Its clients of IPv4 would be strangers to every `allow` and `deny`. */
static int
check_family(int fd, const struct address *address, struct error *error)
{
	if (address->sa.sa_family != AF_INET6 ||
		!IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr) ||
		option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1)
		return 0;
	return error_set(error,
		"it takes clients of IPv4, too: expected BindIPv6Only=ipv6-only, and another "
		"socket for those");
}

static bool
is_same(const struct address *a, const struct address *b)
{
	if (address_is_unix(a) && address_is_unix(b))
		return path_is_same(a->un.sun_path, b->un.sun_path);
	return a->size == b->size && memcmp(&a->storage, &b->storage, a->size) == 0;
}

static bool
asks_for(const struct config_service *service, const struct address *bound, struct place *place)
{
	struct error error;

	for (size_t i = 0; i < service->listen.count; i++) {
		if (address_parse(&place->address, service->listen.items[i], &error) == 0 &&
			is_same(&place->address, bound)) {
			place->service = service;
			return true;
		}
	}
	return false;
}

static bool
find_place(const struct config *config, const struct address *bound, struct place *place)
{
	for (size_t i = 0; i < config->service_count; i++) {
		if (asks_for(&config->services[i], bound, place))
			return true;
	}
	for (size_t i = 0; i < CONFIG_ADMIN__COUNT; i++) {
		if (asks_for(&config->admin[i], bound, place))
			return true;
	}
	return false;
}

static int
check_place(const struct listeners *listeners, const struct place *place, struct error *error)
{
	const struct config_service *service = place->service;
	const struct listener *listener;

	TAILQ_FOREACH (listener, &listeners->list, entry) {
		if (is_same(&listener->asked, &place->address))
			return error_set(error, "another one listens on the same address");
	}
	if (!service->reuse_port || address_is_unix(&place->address))
		return 0;
	error_set(error,
		"all workers accept from the socket that the service manager has bound: "
		"expected false, or to bind it ourselves");
	return place_service_error(error, &service->reuse_port_place, service->name, "reuse_port");
}

static int
make_listener(int fd, struct listeners *listeners, const struct place *place,
	const struct address *bound, struct error *error)
{
	const bool admin = config_service_is_admin(place->service);
	struct listener *listener = listeners_adopt(listeners,
		&(struct listener){
			.asked = place->address, .address = *bound, .lent = true, .admin = admin });
	struct stat st;

	if (listener == NULL || listeners_adopt_socket(listener, fd, listeners->next_id++) != 0)
		return error_errno(error, "cannot make a listener");
	if (address_is_unix(bound) && lstat(bound->un.sun_path, &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
		listen_socket_set(fd, listener, place->service) != 0)
		return error_errno(error, "cannot set socket options");
	return 0;
}

static int
adopt(int fd, struct listeners *listeners, const struct config *config, struct error *error)
{
	char text[ADDRESS_TEXT_MAX];
	struct address bound;
	struct place place;

	if (check_kind(fd, error) != 0 || find_address(fd, &bound, error) != 0 ||
		check_family(fd, &bound, error) != 0)
		return -1;
	if (!find_place(config, &bound, &place)) {
		address_print(&bound, text);
		return error_set(error,
			"it listens on %s, which the configuration does not name: expected it in "
			"a `listen`",
			text);
	}
	return check_place(listeners, &place, error) == 0
		? make_listener(fd, listeners, &place, &bound, error)
		: -1;
}

int
activation_adopt(const struct activation *activation, struct listeners *listeners,
	const struct config *config, struct error *error)
{
	for (int i = 0; i < activation->count; i++) {
		if (adopt(FIRST + i, listeners, config, error) != 0)
			return cannot_use(activation, i, error);
	}
	if (activation->count > 0)
		log_info("the service manager has bound listeners",
			log_int("count", activation->count));
	return 0;
}
