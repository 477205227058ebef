/* A message on its way to a module and back. */
#ifndef DISPATCH_REQUEST_H
#define DISPATCH_REQUEST_H

#include <stdbool.h>

#include <prefork/module.h>

#include "wire/wire.h"

struct request {
	struct pf_request public; /* what the module sees */
	bool answered;
	enum wire_end end; /* how its reply ends, if that is a line */
	/* Implemented by the owner: sends the parts as one message. Returns an enum pf_error. */
	int (*send)(struct request *request, const struct pf_span *parts, size_t count);
};

#endif
