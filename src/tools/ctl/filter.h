/* Which connections are listed: all that every filter takes. */
#ifndef CTL_FILTER_H
#define CTL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/ctl/roster.h"
#include "tools/ctl/view.h"

struct filter {
	const char *service, *peer, *state; /* NULL: any */
	uint32_t worker;                    /* 0: any */
	int64_t older_ms, quiet_ms;         /* at least */
};

/* Reads WORDS, ended by NULL, "--json" among them too. A mistake ends the process. */
void filter_parse(struct filter *filter, char **words, bool *json);

bool filter_takes(
	const struct filter *filter, const struct control_row *row, const struct view *view);

#endif
