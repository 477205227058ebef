/* A service as one worker runs it: its module, started, and its framing. */
#ifndef DISPATCH_SERVICE_H
#define DISPATCH_SERVICE_H

#include <prefork/module.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "wire/wire.h"

struct service {
	struct pf_service public; /* what the module sees */
	const struct config_service *config;
	struct pf_module module;
	struct wire wire;
	unsigned id;              /* in the segment */
	void *options;            /* filled for the module */
	bool running;             /* init has been called and was content */
	struct error *init_error; /* where api->fail writes, during init */
};

/*
 * Loads the module from FD (closed), fills its options and calls its init. In a child, after it
 * has dropped its privileges. Returns 0, or -1 with an error that names the place to mend.
 */
PF_MUST_CHECK int service_start(struct service *service, const struct config_service *config,
	int fd, unsigned id, unsigned worker, struct error *error);

/* Calls the module's exit, if its init was called, and frees the options. */
void service_stop(struct service *service);

#endif
