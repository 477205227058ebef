/*
 * The configuration: filled once by config_load, immutable from then on, shared with children by
 * fork. Every field that a user can set is a row in the table of options.c.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/log.h"
#include "config/service.h"

#define CONFIG_CPUS_AUTO "auto" /* alone in cpu_affinity: a CPU for each worker */

enum {
	CONFIG_SERVICES_MAX = 64,
	CONFIG_ADMIN_ADDRESSES_MAX = 64, /* of each kind */
	CONFIG_WORKERS_MAX = 128,        /* half of the slots: the other half can drain meanwhile */
	CONFIG_CONNECTIONS_MAX = 1000000,
	CONFIG_SERVICE_NAME_MAX = 63, /* bytes */
	CONFIG_MODULE_OPTIONS_MAX = 1000,
};

/*
 * What the admin process listens for. These are no services, but listen as one does; their names
 * cannot be a service's.
 */
enum config_admin {
	CONFIG_ADMIN_HTTP,
	CONFIG_ADMIN_AGENT, /* the load balancer that asks how much may come */
	CONFIG_ADMIN__COUNT
};

/* How the kernel schedules workers. */
enum config_cpu_policy {
	CONFIG_CPU_POLICY_BATCH, /* SCHED_BATCH: one that is woken interrupts nobody */
	CONFIG_CPU_POLICY_OTHER, /* as preforkd was started */
};

struct config {
	char *path; /* of the file; NULL if all comes from the command line */
	int64_t workers;
	int64_t max_connections;
	int64_t threads;      /* of a worker's pool */
	int64_t queue_length; /* messages that may wait for a worker's pool, by priority */
	struct config_strings cpu_affinity; /* by worker */
	enum config_cpu_policy cpu_policy;
	char *user;
	char *group;          /* "": the user's own */
	char *chroot;         /* "": none */
	char *pid_file;       /* "": none */
	char *control_socket; /* the same */
	int64_t drain_timeout_ms;
	int64_t start_timeout_ms;
	int64_t watchdog_timeout_ms; /* 0: off */
	int64_t worker_max_age_ms;   /* 0: off, as the next two */
	int64_t worker_max_requests;
	int64_t worker_max_memory; /* bytes */
	enum log_level log_level;
	enum log_format log_format;
	char *log_target;
	int64_t log_requests;  /* lines a second in each worker; 0: none; or VALUE_RATE_ALL */
	int64_t log_slow_ms;   /* requests that take so long have a line; 0: none */
	char *traces_endpoint; /* as endpoint_parse reads it; "": no traces */
	int64_t traces_sample; /* of a million requests, how many are traced */
	struct config_place cpu_affinity_place; /* of its last item */
	struct config_place user_place;
	struct config_place group_place;
	struct config_place chroot_place;
	struct config_place pid_file_place;
	struct config_place control_socket_place;
	struct config_place log_target_place;
	struct config_place traces_endpoint_place;
	struct config_service admin[CONFIG_ADMIN__COUNT];
	struct config_service *services;
	size_t service_count;
	struct config_strings place_files; /* what the places of this configuration point to */
};

/* What the command line says in place of a file: one service, named "main". */
struct config_arguments {
	const char *const *listen; /* --listen, in order */
	size_t listen_count;
	const char *module;         /* --module */
	const char *const *options; /* --option, each "key=value" */
	size_t option_count;
	const char *const *set; /* --set, each "key=value", also "log.level=debug" */
	size_t set_count;
};

/* Where a configuration comes from, again at each reload. */
struct config_source {
	const char *path; /* NULL: the arguments */
	struct config_arguments arguments;
	bool detached; /* for a server in the background, which has no standard error */
	bool again;    /* at a reload: a pipe has said all that it had to say, and may never end */
};

/* Reads it: config_load, or config_from_arguments. */
struct config *config_from(const struct config_source *source, struct error *error) PF_MUST_CHECK;

/*
 * Reads and checks the file at PATH. Returns a config for config_free, or NULL with an error that
 * names file, line and key and says what would be right. Changes the working directory while it
 * runs and restores it.
 */
struct config *config_load(const char *path, struct error *error) PF_MUST_CHECK;

/* The same from the command line; an error names the argument. */
struct config *config_from_arguments(const struct config_arguments *arguments, struct error *error)
	PF_MUST_CHECK;

/* Frees a configuration; NULL is accepted. */
void config_free(struct config **config);

/* Prints the effective configuration to OUT, in a form that config_load reads. */
void config_print(const struct config *config, FILE *out);

/*
 * Prints it to a file in memory. Returns its descriptor, which a program that is executed keeps, or
 * -1 with errno.
 */
PF_MUST_CHECK int config_print_file(const struct config *config);

#endif
