/* What a reload has to do: what differs between two configurations, by the table of options. */
#ifndef CONFIG_DIFF_H
#define CONFIG_DIFF_H

#include <stdbool.h>

#include "config/config.h"
#include "config/options.h"

/* What a service is, as a whole, that differs. */
enum diff_service {
	DIFF_ADDED,
	DIFF_REMOVED,
	DIFF_PLACED,  /* another place in the order */
	DIFF_OPTIONS, /* of its module */
};

/* Hears of each difference. */
struct diff_visitor {
	/* An option; BEFORE and AFTER point to its values; SERVICE: whose, if it is a service's. */
	void (*option)(void *arg, const struct option *option, const char *service,
		const void *before, const void *after);
	void (*service)(void *arg, const char *name, enum diff_service what);
	void *arg;
};

/* Compares AFTER with BEFORE; a service is the same if it has the same name. */
void diff_visit(const struct config *before, const struct config *after,
	const struct diff_visitor *visitor);

struct diff {
	bool new_workers;             /* something that only new workers can have */
	bool at_once;                 /* something that the workers there are can take over */
	const struct option *restart; /* one that a reload cannot change; NULL: none */
	const struct config_place *restart_place;
};

/* The same, in short. */
void diff_find(struct diff *diff, const struct config *before, const struct config *after);

#endif
