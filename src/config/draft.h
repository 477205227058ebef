/*
 * A configuration while it is being made, from a file or from the command line. It begins with
 * the defaults, is set one value at a time, is checked as a whole at the end, and becomes the
 * struct config that nobody changes any more.
 *
 *	draft_start -> draft_add_service, draft_set, … -> draft_finish
 */
#ifndef CONFIG_DRAFT_H
#define CONFIG_DRAFT_H

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "config/options.h"
#include "config/setting.h"

enum {
	DRAFT_KEY_MAX = 192, /* bytes of a dotted key, with its end */
};

struct draft {
	struct config *config;
};

/* On failure there is nothing to finish. */
PF_MUST_CHECK int draft_start(struct draft *draft, struct error *error);

/* Adds a service with the defaults; what is set from now on is set for it. Checks the name. */
PF_MUST_CHECK int draft_add_service(
	struct draft *draft, const char *name, struct config_place place, struct error *error);

/* Sets an option: a list gets one item more, anything else is replaced. */
PF_MUST_CHECK int draft_set(struct draft *draft, const struct option *option,
	const struct setting *setting, struct config_place place, struct error *error);

/* Sets a module's option of the current service, replacing one of the same key. */
PF_MUST_CHECK int draft_set_module_option(struct draft *draft, const char *key,
	const struct setting *setting, struct config_place place, struct error *error);

/* A copy of TEXT for places, that lives as long as the configuration; NULL: no memory. */
const char *draft_keep(struct draft *draft, const char *text);

/* Puts place and dotted key (of SCOPE, in the current service) before ERROR. Returns -1. */
int draft_error(const struct draft *draft, enum option_scope scope, const char *key,
	struct config_place place, struct error *error);

/* Gives up the draft: the checked configuration, or NULL with an error. */
PF_MUST_CHECK struct config *draft_finish(struct draft *draft, struct error *error);

/* Gives up the draft and all that it holds. */
void draft_abandon(struct draft *draft);

#endif
