/* A service as one worker runs it: its module, started, and its framing. */
#ifndef DISPATCH_SERVICE_H
#define DISPATCH_SERVICE_H

#include <stdatomic.h>

#include <prefork/module.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "wire/wire.h"

struct dispatch;

struct service {
	struct pf_service public;  /* what the module sees */
	struct dispatch *dispatch; /* NULL until it has started */
	const struct config_service *config;
	struct pf_module module;
	struct wire wire;
	unsigned id;                 /* in the segment */
	void *options;               /* filled for the module */
	bool running;                /* init has been called and was content */
	struct error *init_error;    /* where api->fail writes, during init and started */
	_Atomic uint32_t handler_ns; /* a moving average, of what ran in the pool */
};

/*
 * Loads the module from FD (closed), fills its options and calls its init. In a child, after it
 * has dropped its privileges. Returns 0, or -1 with an error that names the place to mend.
 */
PF_MUST_CHECK int service_start(struct service *service, const struct config_service *config,
	int fd, unsigned id, unsigned worker, struct error *error);

/* Calls the module's `started`, once the service is known to a dispatch. As service_start. */
PF_MUST_CHECK int service_started(struct service *service, struct error *error);

/* Whether messages of it can go to the pool. */
bool service_is_pooled(const struct service *service);

/* Whether requests of one connection run side by side. */
static inline bool
service_is_concurrent(const struct service *service)
{
	return (service->module.flags & PF_MODULE_CONCURRENT) != 0;
}

/* How long its handlers take, in nanoseconds. Any thread. */
static inline uint32_t
service_handler_ns(const struct service *service)
{
	return atomic_load_explicit(&service->handler_ns, memory_order_relaxed);
}

/*
 * Handlers have taken NS nanoseconds each. A thread that had to wait for its processor seems to
 * take long, so what is far from the average moves it little: a real change does in some dozen
 * times. Any thread; of two at once one may go by uncounted, which an average can bear.
 */
static inline void
service_measure(struct service *service, int64_t ns)
{
	const int64_t before = service_handler_ns(service);
	const int64_t most = 2 * before + 1000;
	const int64_t after = before + ((ns < most ? ns : most) - before) / 8;

	atomic_store_explicit(&service->handler_ns,
		after < UINT32_MAX ? (uint32_t)after : UINT32_MAX, memory_order_relaxed);
}

/* Calls the module's exit, unless its init refused, and frees the options. */
void service_stop(struct service *service);

#endif
