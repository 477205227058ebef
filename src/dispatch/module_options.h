/*
 * The options of a module: from what the configuration says to the structure that the module
 * described. Used by a worker before init, and by the check of -t.
 */
#ifndef DISPATCH_MODULE_OPTIONS_H
#define DISPATCH_MODULE_OPTIONS_H

#include <prefork/module.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"

/*
 * Allocates the structure, fills in the defaults and then what SERVICE sets. Checks keys, types
 * and ranges. Returns 0 and *OPTIONS for module_options_free, or -1 with an error that names file,
 * line and key.
 */
PF_MUST_CHECK int module_options_fill(const struct pf_module *module,
	const struct config_service *service, void **options, struct error *error);

/* Frees the structure and its strings. NULL is accepted. */
void module_options_free(const struct pf_module *module, void **options);

#endif
