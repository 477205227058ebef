/* What the master shows of the server in the segment, for whoever reads that. */
#ifndef MASTER_SHOWN_H
#define MASTER_SHOWN_H

#include <stdbool.h>

#include "master/supervisor.h"
#include "segment/segment.h"

/* Shows what serves, in STATE. Now and then, and whenever something has changed. */
void shown_update(const struct supervisor *supervisor, enum segment_state state);

/* A reload is over. */
void shown_reload(struct segment *segment, bool ok);

/* A worker is replaced. */
void shown_restart(struct segment *segment, enum segment_restart reason);

#endif
