/* A service of the configuration, and what its settings are made of. */
#ifndef CONFIG_SERVICE_H
#define CONFIG_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/subnet.h"
#include "wire/wire.h"

/*
 * Where a setting stands. On the command line FILE is the argument ("--set workers=2") and LINE 0.
 * All zero: nowhere, it has its default. Owned by the config.
 */
struct config_place {
	const char *file;
	unsigned line;
};

struct config_strings {
	char **items;
	size_t count;
};

/* Networks as they were written, and what that means: as many ITEMS as texts. */
struct config_networks {
	struct config_strings texts;
	struct subnet *items;
};

/* A value as the file has it; from the command line everything is text. */
enum config_value_kind {
	CONFIG_VALUE_TEXT, /* command line: read as what its reader expects */
	CONFIG_VALUE_BOOL,
	CONFIG_VALUE_INTEGER,
	CONFIG_VALUE_STRING,
	CONFIG_VALUE_OTHER, /* float, list or group: refused while loading, so never found here */
};

/* A setting of a module's own; the module's table says what it means. */
struct config_module_option {
	char *key;
	enum config_value_kind kind;
	char *text;      /* TEXT, STRING */
	int64_t integer; /* INTEGER; BOOL as 0 or 1 */
	struct config_place place;
};

/* Where messages are handled. */
enum config_dispatch {
	CONFIG_DISPATCH_MODULE, /* the module says it of each */
	CONFIG_DISPATCH_INLINE, /* on the worker's loop */
	CONFIG_DISPATCH_POOL,   /* on a thread of the worker's pool */
};

/* Which of the pool's queues messages wait in, unless the module says another. */
enum config_priority {
	CONFIG_PRIORITY_HIGH,
	CONFIG_PRIORITY_NORMAL,
	CONFIG_PRIORITY_LOW,
	CONFIG_PRIORITY__COUNT
};

/* What becomes of messages for which that queue has no room. */
enum config_overload {
	CONFIG_OVERLOAD_WAIT, /* they are not read */
	CONFIG_OVERLOAD_SHED, /* they get the module's busy reply */
};

struct config_service {
	char *name;                /* or one of config_admin_names */
	struct config_place place; /* of the group */
	struct config_place module_place;
	struct config_place listen_place; /* of its last address */
	struct config_place length_bytes_place;
	struct config_place byte_order_place;
	struct config_place length_offset_place;
	struct config_place length_adjust_place;
	struct config_place max_message_size_place;
	struct config_place socket_user_place;
	struct config_place socket_group_place;
	struct config_place dispatch_place;
	struct config_place heartbeat_place;
	struct config_place reuse_port_place;
	struct config_strings listen;
	char *module;
	enum wire_framing framing;
	unsigned length_bytes; /* or WIRE_VARINT */
	enum wire_order byte_order;
	int64_t length_offset; /* bytes */
	int64_t length_adjust; /* bytes */
	bool allow_empty;
	int64_t max_message_size;       /* bytes */
	int64_t max_connections;        /* 0: only the total counts */
	int64_t max_connections_per_ip; /* 0: no limit */
	int64_t accept_rate;            /* connections a second; 0: no limit */
	struct config_networks allow;   /* none: everybody */
	struct config_networks deny;    /* counts before allow */
	int64_t backlog;
	bool reuse_port;     /* each worker has a socket of its own */
	int64_t socket_mode; /* permissions of unix sockets */
	char *socket_user;   /* who owns them; "": the master's user and group */
	char *socket_group;
	bool tcp_nodelay;
	int64_t tcp_keepalive_ms; /* whole seconds; 0: off */
	enum config_dispatch dispatch;
	enum config_priority priority;
	enum config_overload overload;
	int64_t max_pipeline; /* requests of a connection */
	int64_t max_output;   /* bytes */
	int64_t read_timeout_ms;
	int64_t write_timeout_ms;
	int64_t request_timeout_ms; /* 0: off */
	int64_t idle_timeout_ms;    /* 0: off */
	int64_t heartbeat_ms;       /* 0: off */
	int64_t heartbeat_timeout_ms;
	struct config_module_option *options;
	size_t option_count;
};

/* By enum config_admin. */
extern const char *const config_admin_names[];

static inline bool
config_service_is_admin(const struct config_service *service)
{
	return service->name[0] == '(';
}

#endif
