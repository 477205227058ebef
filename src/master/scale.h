/* A worker more or less than configured, until a reload. */
#ifndef MASTER_SCALE_H
#define MASTER_SCALE_H

#include "master/supervisor.h"

/* WHY_NOT: it cannot be now, for that reason, which is said; NULL: it can. */
void scale_up(struct supervisor *supervisor, const char *why_not);
void scale_down(struct supervisor *supervisor, const char *why_not);

/* That many. Returns 0, or -1 with the reason, and there may be some more or less than before. */
PF_MUST_CHECK int scale_to(struct supervisor *supervisor, size_t workers, struct error *error);

#endif
