/* How a request ended, for the log and for counting. */
#ifndef DISPATCH_REQUEST_RESULT_H
#define DISPATCH_REQUEST_RESULT_H

#include <stdbool.h>

enum request_result {
	REQUEST_OK,
	REQUEST_NONE,    /* the module gave no reply */
	REQUEST_BUSY,    /* there was no room in the queue */
	REQUEST_TIMEOUT, /* request_timeout */
	REQUEST_TOO_BIG, /* the framing cannot carry the reply */
	REQUEST_CLOSED,  /* the client was gone before its reply */
	REQUEST_RESULT__COUNT
};

/* A word for the result, for logs and labels. */
const char *request_result_text(enum request_result result);

/* Whether the client did not get what the module had for it. */
static inline bool
request_result_is_failure(enum request_result result)
{
	return result != REQUEST_OK && result != REQUEST_NONE;
}

#endif
