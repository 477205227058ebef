/*
 * Going on in the background (--daemon). Whoever started the server waits until it is ready or is
 * not going to be, and learns which by an exit status:
 *
 *	preforkd --daemon --+-- waits for the report ------------------> (exit)
 *	                    |                     ^
 *	                    +-- (fork) a session of its own: master ---> ...
 */
#ifndef PROCESS_DAEMON_H
#define PROCESS_DAEMON_H

#include "base/compiler.h"
#include "base/error.h"

struct daemon {
	int report; /* pipe to the process that waits; -1: there is none */
};

#define DAEMON_NONE          \
	{                    \
		.report = -1 \
	}

/*
 * Leaves the foreground: returns in a child that has a session of its own and /dev/null for
 * standard input, output and error. The calling process waits in here, and exits. Returns 0, or -1
 * with the reason, and then nobody has gone anywhere. Working directory and umask stay.
 */
PF_MUST_CHECK int daemon_start(struct daemon *daemon, struct error *error);

/* Child: it is ready. Whoever waits exits with 0. */
void daemon_ready(struct daemon *daemon);

/*
 * Child: why it is not going to be ready; it then ends, and whoever waits says so and exits with
 * the same status.
 */
void daemon_failed(struct daemon *daemon, const char *reason);

#endif
