/*
 * A listening socket that nobody gets into any more, so that its queue can be emptied and it can be
 * closed without resetting anybody. Who tries to connect meanwhile hears nothing, and tries again.
 *
 * What begins a connection is dropped for the hops it has behind it (RFC 5082; IP_MINTTL in ip(7)),
 * which needs no privilege, unlike a filter. Handshakes that have begun go on, and the sockets that
 * come of them inherit the seal, which has to be lifted from them.
 */
#ifndef NET_SEAL_H
#define NET_SEAL_H

/* Seals a listening socket of TCP; another one is left alone. */
void seal_set(int fd);

/* A connection that may have come out of a sealed socket hears its client again. */
void seal_lift(int fd);

#endif
