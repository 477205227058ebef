/* The sending half of a connection. For connection.c and input.c. */
#ifndef NET_OUTPUT_H
#define NET_OUTPUT_H

#include "net/connection.h"

/*
 * Writes what was gathered for the connection in one call and queues what the kernel did not take.
 * Afterwards lent bytes may go. May close the connection.
 */
void output_flush(struct connection *connection);

/* The socket takes bytes again: writes what is queued. May close the connection. */
void output_resume(struct connection *connection);

/*
 * When write_timeout has passed: whether the client took nothing in that time. A socket becomes
 * writable only when a good part of its buffer is free, so a slow reader is one whose kernel
 * buffer shrinks; it gets another write_timeout.
 */
bool output_is_stuck(struct connection *connection);

/* The connection is being closed: its output goes. */
void output_discard(struct connection *connection);

#endif
