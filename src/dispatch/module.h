/* Loading a module: only ever in an unprivileged child. */
#ifndef DISPATCH_MODULE_H
#define DISPATCH_MODULE_H

#include <prefork/module.h>

#include "base/compiler.h"
#include "base/error.h"

/*
 * Loads the module whose file is open at FD and copies what it exports to *MODULE; members that
 * an older minor version does not have are zero. It stays loaded until the process ends.
 * Returns 0, or -1 with the reason.
 */
PF_MUST_CHECK int module_load(int fd, struct pf_module *module, struct error *error);

#endif
