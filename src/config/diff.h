/* What a reload has to do: what differs between two configurations, by the table of options. */
#ifndef CONFIG_DIFF_H
#define CONFIG_DIFF_H

#include <stdbool.h>

#include "config/config.h"
#include "config/options.h"

struct diff {
	bool new_workers;             /* something that only new workers can have */
	bool at_once;                 /* something that the workers there are can take over */
	const struct option *restart; /* one that a reload cannot change; NULL: none */
	const struct config_place *restart_place;
};

/* Compares AFTER with BEFORE; a service is the same if it has the same name. */
void diff_find(struct diff *diff, const struct config *before, const struct config *after);

#endif
