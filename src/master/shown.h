/* What the master shows of the server in the segment, for whoever reads that. */
#ifndef MASTER_SHOWN_H
#define MASTER_SHOWN_H

#include "master/supervisor.h"
#include "segment/segment.h"

/* Shows what serves, in STATE. Now and then, and whenever something has changed. */
void shown_update(const struct supervisor *supervisor, enum segment_state state);

/* A reload is over, and that generation serves. REASON is why it failed; NULL: it has not. */
void shown_reload(const struct generation *serving, const char *reason);

/* The worker of that number is replaced. */
void shown_restart(struct segment *segment, int number, enum segment_restart reason);

#endif
