/*
 * Listening sockets that the service manager has bound and lends this process, sd_listen_fds(3):
 * they are its own, and so is what waits in their queues when the server ends, for the next one is
 * started with the same sockets.
 */
#ifndef NET_ACTIVATION_H
#define NET_ACTIVATION_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "net/listener.h"

/* Descriptors from 3 up. */
struct activation {
	int count;
	char names[512]; /* one each, with colons between them; for messages */
};

/*
 * Takes out of the environment what was lent to this process; nobody else is to find it there, nor
 * another program in its place, which has the descriptors already. Returns 0, or -1 with the
 * reason.
 */
PF_MUST_CHECK int activation_take(struct activation *activation, struct error *error);

/* The first descriptor that was not lent. */
int activation_end(const struct activation *activation);

/*
 * Makes listeners of the sockets, of those addresses of CONFIG on which they listen. Returns 0, or
 * -1 with an error: each has to be one that CONFIG names.
 */
PF_MUST_CHECK int activation_adopt(const struct activation *activation, struct listeners *listeners,
	const struct config *config, struct error *error);

#endif
