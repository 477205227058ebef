/* The status page, page.html, which the build makes a part of the program. */
#ifndef ADMIN_PAGE_H
#define ADMIN_PAGE_H

#include <event2/buffer.h>

#include "base/compiler.h"

enum {
	PAGE_POLICY_SIZE = 320,
};

/*
 * Adds the page to BODY and writes the Content-Security-Policy under which a browser runs it and
 * nothing that may have got into it, or goes anywhere else. Returns 0, or -1 without memory.
 */
PF_MUST_CHECK int page_add(struct evbuffer *body, char policy[static PAGE_POLICY_SIZE]);

#endif
