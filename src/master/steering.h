/*
 * Who takes the connections of which socket, where each worker has one of its own (reuse_port).
 *
 * The kernel puts a new connection into the queue of one socket of the group and leaves it there.
 * So the group is steered to the sockets of workers that accept, and what is in the queue of any
 * other (its worker has gone, or another has not come yet) is taken by a worker that accepts from
 * that socket besides its own: the one with the lowest number.
 */
#ifndef MASTER_STEERING_H
#define MASTER_STEERING_H

#include "master/supervisor.h"

/* After any change of who accepts; also now and then, for what could not be said before. */
void steering_update(struct supervisor *supervisor);

/* CHILD has no descriptor free for the socket of that id: it is offered again. */
void steering_declined(struct child *child, uint32_t socket);

/*
 * The listeners of FORMER that the serving generation does not have: nobody gets into them any
 * more, and the workers of FORMER that accept take and serve what is queued there.
 */
void steering_close_removed(struct supervisor *supervisor, const struct generation *former);

#endif
