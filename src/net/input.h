/* The receiving half of a connection. For connection.c. */
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

#endif
