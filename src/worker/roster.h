/*
 * A list of this worker's connections for somebody who has asked the master: rows of
 * process/control.h, as they all are at one moment, written to a socket as its reader takes them.
 * The last packet says that it is; where that is missing, rows may be. Loop only.
 */
#ifndef WORKER_ROSTER_H
#define WORKER_ROSTER_H

#include <stdint.h>
#include <sys/queue.h>

struct worker;

LIST_HEAD(roster_list, roster);

/*
 * Lists all connections on SOCKET (taken, -1 does nothing), or the one with the id KILL alone, if
 * it is here and can be closed: then it is.
 */
void rosters_add(struct worker *worker, int socket, uint64_t kill);

/* Gives up those that are not read to their end. */
void rosters_close(struct worker *worker);

#endif
