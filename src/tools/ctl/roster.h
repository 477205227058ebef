/* What the workers say of their connections: rows of process/control.h. */
#ifndef CTL_ROSTER_H
#define CTL_ROSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/compiler.h"
#include "tools/ctl/link.h"

struct roster {
	struct control_row *rows; /* by id, each once */
	size_t count, room;
	bool complete; /* each worker that was asked has come to its end */
};

/*
 * Reads all rows that REQUEST brings, and adds them to those that there are; roster_free is to
 * follow in any case. Returns 0, or an exit status with the reason.
 */
PF_MUST_CHECK int roster_read(struct roster *roster, struct link *link,
	const struct control_request *request, struct error *error);

void roster_free(struct roster *roster);

/* Words for what a row says; a client of a unix socket may have any bytes for its name. */
const char *roster_state(const struct control_row *row);
void roster_peer(const struct control_row *row, char text[static ADDRESS_TEXT_MAX]);

#endif
