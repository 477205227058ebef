/*
 * One end of the pair of sockets between the master and a child: typed messages, whole or not at
 * all. End of file means that the other process is gone. A descriptor can come along.
 */
#ifndef PROCESS_CHANNEL_H
#define PROCESS_CHANNEL_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "process/loop.h"
#include "process/messages.h"

struct channel {
	int fd;
	bool takes_passed; /* descriptors may come along; set by a worker, for the master wants none
	                    */
	int passed;        /* the one that came with the message; -1: none */
	struct event *event; /* NULL: not watched */
	/* Called on the loop. MESSAGE is NULL at the end of file; then no call follows. */
	void (*received)(void *arg, const struct message *message);
	void *arg;
};

/* Makes a pair, both ends close-on-exec and non-blocking. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int channel_pair(int ends[static 2], struct error *error);

/*
 * Watches the end FD (taken, also on failure) on LOOP and hands what comes to RECEIVED.
 * Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int channel_open(struct channel *channel, int fd, struct loop *loop,
	void (*received)(void *arg, const struct message *message), void *arg, struct error *error);

/* The same, but on failure FD is left to whoever it was taken over from. */
PF_MUST_CHECK int channel_adopt(struct channel *channel, int fd, struct loop *loop,
	void (*received)(void *arg, const struct message *message), void *arg, struct error *error);

void channel_close(struct channel *channel);

/*
 * In RECEIVED: the descriptor that came with this message, for the caller to close; -1 if there is
 * none. One that nobody takes is closed.
 */
int channel_take_passed(struct channel *channel);

/* Sends without waiting. Returns 0, or -1 with errno: the peer is gone or does not read. */
PF_MUST_CHECK int channel_send(const struct channel *channel, const struct message *message);

/* The same with a copy of the descriptor PASSED, or with none if that is -1. */
PF_MUST_CHECK int channel_send_passing(
	const struct channel *channel, const struct message *message, int passed);

/* As channel_send on a bare end, for a child that has no loop yet. */
PF_MUST_CHECK int channel_send_fd(int fd, const struct message *message);

/* Hands over what has come already: before a dead child is forgotten. */
void channel_drain(struct channel *channel);

#endif
