/* Where a module's file is. */
#ifndef DISPATCH_MODULE_PATH_H
#define DISPATCH_MODULE_PATH_H

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"

/*
 * Opens the module of a service for reading: a name is looked for in the folder of modules, a path
 * (anything with a slash) is taken as it is. The folder is found from the program's own file, so
 * that an installed tree can be moved and a build tree runs where it is.
 * Master only. Returns a descriptor (close-on-exec), or -1 with the reason.
 */
PF_MUST_CHECK int module_path_open(const struct config_service *service, struct error *error);

/* Puts before ERROR where the configuration names the module. Always returns -1. */
int module_path_error(const struct config_service *service, struct error *error);

#endif
