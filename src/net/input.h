/* The receiving half of a connection. For connection.c, but for the last. */
#ifndef NET_INPUT_H
#define NET_INPUT_H

#include "net/connection.h"

/*
 * Reads once and has the owner take what messages that brought. Returns whether anything came.
 * May close the connection.
 */
bool input_receive(struct connection *connection);

/* Has the owner take the messages that had to wait while the input was paused. */
void input_resume(struct connection *connection);

/* LINGERING: reads and throws away. May close the connection. */
void input_discard(struct connection *connection);

enum {
	INPUT_TAKE_MIN = 16 * 1024, /* bytes: what is less is better copied than taken over */
};

/*
 * For connection_ops.input, once in a call: makes the memory in which its argument lies the
 * owner's, to be freed with free, but not in this turn: what the owner leaves is still looked at.
 */
char *input_take_over(struct connection *connection);

#endif
