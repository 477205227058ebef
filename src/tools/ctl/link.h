/* The control socket, from the other side: see process/control.h. */
#ifndef CTL_LINK_H
#define CTL_LINK_H

#include "base/compiler.h"
#include "base/error.h"
#include "process/control.h"
#include "tools/ctl/options.h"

struct link {
	int fd;
	const char *path; /* of the socket */
	char *found;      /* the same, if it is ours to free */
};

/* What the server has answered, and brought along. */
struct answer {
	struct control_reply reply;
	int files[CONTROL_FILES_MAX]; /* -1: none */
};

/*
 * Connects to the server that OPTIONS name. Returns 0, or an exit status of sysexits(3) with the
 * reason: it does not run, or nobody but others may.
 */
PF_MUST_CHECK int link_open(struct link *link, const struct options *options, struct error *error);
void link_close(struct link *link);

/*
 * Asks for what REQUEST says, and waits. Returns 0, or an exit status with the reason, which may be
 * the server's. answer_close is to follow in any case.
 */
PF_MUST_CHECK int link_ask(struct link *link, const struct control_request *request,
	struct answer *answer, struct error *error);

void answer_close(struct answer *answer);

/* Waits until the server has ended. */
void link_wait_for_end(const struct link *link);

#endif
