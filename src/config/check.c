#include <config.h>

#include "config/check.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/address.h"
#include "base/cpu_list.h"
#include "base/endpoint.h"
#include "base/path.h"
#include "config/place.h"

enum {
	LENGTH_BYTES_DEFAULT = 4, /* as in options.c */
};

/* A service under its check. */
struct checked {
	const struct draft *draft;
	struct config_service *service;
	size_t index;
};

/* The group stands for an option that was not set. */
static int
at_option(const struct checked *checked, const char *key, const struct config_place *place,
	struct error *error)
{
	return place_service_error(error, place->file != NULL ? place : &checked->service->place,
		checked->service->name, key);
}

static int
check_required(const struct checked *checked, struct error *error)
{
	if (checked->service->module == NULL) {
		error_set(error, "is missing; expected module = \"NAME\", such as \"echo\"");
		return at_option(checked, "module", &checked->service->module_place, error);
	}
	if (checked->service->listen.count == 0) {
		error_set(error,
			"is missing; expected listen = [ \"ADDRESS:PORT\" ], such as "
			"[ \"127.0.0.1:9000\" ]");
		return at_option(checked, "listen", &checked->service->listen_place, error);
	}
	return 0;
}

/* The path of a unix socket, or NULL. */
static const char *
unix_path(const char *text)
{
	return strncmp(text, "unix:", strlen("unix:")) == 0 ? text + strlen("unix:") : NULL;
}

/* A path can be spelled in many ways, and the later socket would take the name of the former. */
static bool
is_same_address(const char *a, const char *b)
{
	const char *path_a = unix_path(a), *path_b = unix_path(b);

	if (path_a != NULL && path_b != NULL && path_is_same(path_a, path_b))
		return true;
	return strcmp(a, b) == 0;
}

/* How many listeners of SERVICE, among its first COUNT, are that of TEXT. */
static size_t
count_listen(const struct config_service *service, size_t count, const char *text)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += is_same_address(service->listen.items[i], text);
	return found;
}

/* The service that has TEXT as a listener before item ITEM of the one that is checked, or NULL. */
static const struct config_service *
find_listen(const struct checked *checked, size_t item, const char *text)
{
	const struct config *config = checked->draft->config;
	const struct config_service *services = config->services, *admin = config->admin;

	for (size_t i = 0; i < checked->index; i++) {
		if (count_listen(&services[i], services[i].listen.count, text) > 0)
			return &services[i];
	}
	if (checked->service == &admin[CONFIG_ADMIN_AGENT] &&
		count_listen(admin, admin->listen.count, text) > 0)
		return admin;
	return count_listen(checked->service, item, text) > 0 ? checked->service : NULL;
}

/* Sockets for IPv6 take IPv6 alone, so that "[::]" and "0.0.0.0" can stand side by side. */
static int
check_family(const struct address *address, const char *text, struct error *error)
{
	if (address->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
		return 0;
	return error_set(error, "\"%s\" is an IPv4 address; expected it as \"ADDRESS:PORT\"", text);
}

static int
check_listen(const struct checked *checked, struct error *error)
{
	for (size_t i = 0; i < checked->service->listen.count; i++) {
		const char *text = checked->service->listen.items[i];
		const struct config_service *taken;
		struct address address;

		if (address_parse(&address, text, error) != 0 ||
			check_family(&address, text, error) != 0)
			return at_option(checked, "listen", &checked->service->listen_place, error);
		taken = find_listen(checked, i, text);
		if (taken == NULL || address_port_is_free(&address))
			continue;
		error_set(error,
			"\"%s\" is listened on by %s%s already; expected each "
			"address once",
			text, config_service_is_admin(taken) ? "" : "services.",
			config_service_is_admin(taken) ? "admin" : taken->name);
		return at_option(checked, "listen", &checked->service->listen_place, error);
	}
	return 0;
}

/* What the framing makes no use of is a mistake, unless it says what is the default anyway. */
static int
check_unused(const struct checked *checked, struct error *error)
{
	const struct config_service *service = checked->service;
	bool is_other = service->framing != WIRE_LENGTH;
	bool is_varint = service->length_bytes == WIRE_VARINT;
	const struct {
		const char *key;
		const struct config_place *place;
		bool unused;
	} options[] = {
		{ "length_bytes", &service->length_bytes_place,
			is_other && service->length_bytes != LENGTH_BYTES_DEFAULT },
		{ "byte_order", &service->byte_order_place,
			(is_other || is_varint) && service->byte_order != WIRE_BIG_ENDIAN },
		{ "length_offset", &service->length_offset_place,
			is_other && service->length_offset != 0 },
		{ "length_adjust", &service->length_adjust_place,
			is_other && service->length_adjust != 0 },
	};

	for (size_t i = 0; i < countof(options); i++) {
		if (!options[i].unused)
			continue;
		error_set(error, "%s; expected it to be left out",
			is_other ? "has a meaning with framing = \"length\" alone"
				 : "has no meaning with length_bytes = \"varint\"");
		return at_option(checked, options[i].key, options[i].place, error);
	}
	return 0;
}

/* The largest length that the service's length field can say. */
static int64_t
largest_length(const struct config_service *service)
{
	unsigned bits = service->length_bytes * 8;

	return bits > 0 && bits < 63 ? (INT64_C(1) << bits) - 1 : INT64_MAX;
}

/* The longest message whose length it can say. */
static int64_t
largest_message(const struct config_service *service)
{
	int64_t length = largest_length(service), adjust = service->length_adjust;

	return adjust > 0 && length > INT64_MAX - adjust ? INT64_MAX : length + adjust;
}

/*
 * A length counts at most what stands before it, itself and what follows; and must be able to say
 * that at least one byte follows, and not always more than max_message_size.
 */
static int
check_length_adjust(const struct checked *checked, struct error *error)
{
	const struct config_service *service = checked->service;
	bool is_varint = service->length_bytes == WIRE_VARINT;
	unsigned field = is_varint ? WIRE_FIELD_MAX : service->length_bytes;
	int64_t before = service->length_offset + field;
	int64_t adjust = service->length_adjust;

	if (adjust < -before)
		error_set(error,
			"%jd takes off more than stands before the message; expected at least "
			"%jd, the bytes of length_offset and of the length",
			(intmax_t)adjust, (intmax_t)-before);
	else if (adjust <= -largest_length(service))
		error_set(error,
			"%jd leaves nothing of what a length of %u byte%s can say; expected at "
			"least %jd, or more length_bytes",
			(intmax_t)adjust, field, field == 1 ? "" : "s",
			(intmax_t)(1 - largest_length(service)));
	else if (adjust > service->max_message_size)
		error_set(error,
			"%jd makes each message longer than max_message_size; expected at most %jd",
			(intmax_t)adjust, (intmax_t)service->max_message_size);
	else
		return 0;
	return at_option(checked, "length_adjust", &service->length_adjust_place, error);
}

/* A length field bounds the message: a default gives way, a setting is taken at its word. */
static int
check_message_size(const struct checked *checked, struct error *error)
{
	struct config_service *service = checked->service;
	int64_t largest = largest_message(service);
	char text[VALUE_TEXT_MAX];

	if (service->max_message_size <= largest)
		return 0;
	if (service->max_message_size_place.file == NULL) {
		service->max_message_size = largest;
		return 0;
	}
	value_print_size(service->max_message_size, text);
	error_set(error,
		"%s does not fit a length field of %u byte%s; expected at most %jd, "
		"or more length_bytes",
		text, service->length_bytes, service->length_bytes == 1 ? "" : "s",
		(intmax_t)largest);
	return at_option(checked, "max_message_size", &service->max_message_size_place, error);
}

static int
check_service(struct checked *checked, struct error *error)
{
	if (check_required(checked, error) != 0 || check_listen(checked, error) != 0)
		return -1;
	if (check_unused(checked, error) != 0)
		return -1;
	if (checked->service->framing != WIRE_LENGTH)
		return 0;
	if (check_length_adjust(checked, error) != 0)
		return -1;
	return check_message_size(checked, error);
}

/* Whether the kernel has these CPUs for us is not known before the start. */
static int
check_cpus(const struct config *config, struct error *error)
{
	const struct config_strings *lists = &config->cpu_affinity;
	bool is_auto = lists->count == 1 && strcmp(lists->items[0], CONFIG_CPUS_AUTO) == 0;
	cpu_set_t set;

	for (size_t i = 0; i < lists->count && !is_auto; i++) {
		if (cpu_list_parse(&set, lists->items[i], error) == 0)
			continue;
		strlcat(error->text, ", or \"" CONFIG_CPUS_AUTO "\" alone", sizeof(error->text));
		return place_error(error, &config->cpu_affinity_place, "cpu_affinity");
	}
	return 0;
}

/* The worker enters it after code of the module, which may have moved somewhere else. */
static int
check_chroot(const struct config *config, struct error *error)
{
	if (config->chroot[0] == '/' || config->chroot[0] == '\0')
		return 0;
	error_set(error, "\"%.64s\" is relative; expected a path from / on", config->chroot);
	return place_error(error, &config->chroot_place, "chroot");
}

/* Whoever looks for it may stand in another folder. */
static int
check_control_socket(const struct config *config, struct error *error)
{
	const char *path = config->control_socket;
	const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (path[0] != '/' && path[0] != '\0')
		error_set(error, "\"%.64s\" is no path from / on; expected one such as \"%s\"",
			path, "/run/preforkd/control.sock");
	else if (strlen(path) > most)
		error_set(error, "the path \"%s\" is too long: at most %zu bytes", path, most);
	else
		return 0;
	return place_error(error, &config->control_socket_place, "control_socket");
}

static int
check_traces(const struct config *config, struct error *error)
{
	struct endpoint endpoint;

	if (config->traces_endpoint[0] == '\0' ||
		endpoint_parse(&endpoint, config->traces_endpoint, error) == 0)
		return 0;
	return place_error(error, &config->traces_endpoint_place, "traces.endpoint");
}

/* HAProxy asks by TCP alone. */
static int
check_agent(const struct checked *checked, struct error *error)
{
	for (size_t i = 0; i < checked->service->listen.count; i++) {
		const char *text = checked->service->listen.items[i];

		if (unix_path(text) == NULL)
			continue;
		error_set(error, "\"%s\" is a unix socket; expected \"ADDRESS:PORT\"", text);
		return at_option(checked, "listen", &checked->service->listen_place, error);
	}
	return 0;
}

/* They listen as services do. */
static int
check_admin(struct draft *draft, enum config_admin kind, struct error *error)
{
	struct config *config = draft->config;
	const struct checked checked = { draft, &config->admin[kind], config->service_count };
	const size_t count = checked.service->listen.count;

	if (count > CONFIG_ADMIN_ADDRESSES_MAX) {
		error_set(error, "has %zu addresses; expected at most %d", count,
			CONFIG_ADMIN_ADDRESSES_MAX);
		return at_option(&checked, "listen", &checked.service->listen_place, error);
	}
	if (kind == CONFIG_ADMIN_AGENT && check_agent(&checked, error) != 0)
		return -1;
	return check_listen(&checked, error);
}

int
check_draft(struct draft *draft, struct error *error)
{
	struct config *config = draft->config;

	if (check_cpus(config, error) != 0 || check_chroot(config, error) != 0 ||
		check_control_socket(config, error) != 0 || check_traces(config, error) != 0)
		return -1;
	for (size_t i = 0; i < config->service_count; i++) {
		struct checked checked = { draft, &config->services[i], i };

		if (check_service(&checked, error) != 0)
			return -1;
	}
	if (config->service_count > 0)
		return check_admin(draft, CONFIG_ADMIN_HTTP, error) != 0 ||
				check_admin(draft, CONFIG_ADMIN_AGENT, error) != 0
			? -1
			: 0;
	return error_set(error,
		"%s: services: is missing; expected at least one service, as in "
		"services = { main = { listen = [ \"127.0.0.1:9000\" ] module = \"echo\" } }",
		config->path);
}
