#include <config.h>

#include "admin/rest.h"

#include <event2/event.h>

#include "base/compiler.h"

enum {
	REST_US = 100000,
};

static void
on_rested(evutil_socket_t fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	evconnlistener_enable(arg);
}

static void
on_error(struct evconnlistener *listener, void *arg PF_UNUSED)
{
	const struct timeval rest = { .tv_usec = REST_US };

	if (event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT, on_rested, listener,
		    &rest) == 0)
		evconnlistener_disable(listener);
}

void
rest_on_error(struct evconnlistener *listener)
{
	evconnlistener_set_error_cb(listener, on_error);
}
