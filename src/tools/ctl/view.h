/* The server's shared memory, seen from outside: to read it costs the server nothing. */
#ifndef CTL_VIEW_H
#define CTL_VIEW_H

#include "base/compiler.h"
#include "base/error.h"
#include "segment/segment.h"
#include "tools/ctl/link.h"

struct view {
	struct segment segment;
	struct control_reply server;
};

#define VIEW_NONE ((struct view){ .segment = SEGMENT_NONE })

/* Asks for it. Returns 0, or an exit status with the reason; view_close is to follow. */
PF_MUST_CHECK int view_open(struct view *view, struct link *link, struct error *error);
void view_close(struct view *view);

/* The name of a service; "?" if there is none with that id. */
const char *view_service(const struct view *view, unsigned id);

#endif
