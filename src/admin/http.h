/* The admin process's HTTP, by libevent's evhttp. */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include "base/compiler.h"
#include "base/error.h"
#include "process/inheritance.h"
#include "process/loop.h"

struct http;

/* Answers on the inherited listeners, which it takes. NULL with the reason. */
struct http *http_open(struct loop *loop, const struct inheritance *inheritance,
	struct error *error) PF_MUST_CHECK;

/* Ends all that is under way. NULL is accepted. */
void http_close(struct http **http);

#endif
