/* Frames that the server sends of its own accord, in the module's words. */
#ifndef DISPATCH_NOTICE_H
#define DISPATCH_NOTICE_H

#include <stddef.h>

#include <prefork/module.h>

#include "dispatch/service.h"

/*
 * Writes the notice WHICH about MESSAGE (empty: about none) to BUFFER. Returns its size, or -1 if
 * there is none. Loop.
 */
ptrdiff_t notice_write(const struct service *service, enum pf_notice which, struct pf_span message,
	char buffer[static PF_NOTICE_MAX]);

#endif
