/* Hands messages to modules. Today all of them run inline, on the loop. */
#ifndef DISPATCH_DISPATCH_H
#define DISPATCH_DISPATCH_H

#include <prefork/module.h>

#include "dispatch/request.h"
#include "dispatch/service.h"

/* The functions that modules may call. */
extern const struct pf_api dispatch_api;

/* Runs the module's handler on REQUEST, which is over when this returns. */
static inline enum pf_verdict
dispatch_message(const struct service *service, struct request *request)
{
	return service->module.message(&request->public);
}

#endif
