#include <config.h>

#include "dispatch/module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char symbol[] = "pf_module";

/* What every module has, of whatever version. */
static const size_t common_size = offsetof(struct pf_module, name);

static int
check(const struct pf_module *module, struct error *error)
{
	if (module->size < common_size || module->abi_major != PF_ABI_MAJOR)
		return error_set(error,
			"the module is for version %u.%u of the interface, and this "
			"server has %u.%u: build it against <prefork/module.h> of this version",
			module->abi_major, module->abi_minor, PF_ABI_MAJOR, PF_ABI_MINOR);
	if (module->name == NULL || module->message == NULL)
		return error_set(error, "%s lacks its %s", symbol,
			module->name == NULL ? "name" : "callback `message`");
	if (module->route != NULL && (module->flags & PF_MODULE_THREADS) == 0)
		return error_set(error,
			"%s has a callback `route` and is not made for threads: its "
			"flags lack PF_MODULE_THREADS",
			symbol);
	if (module->save != NULL && module->restore == NULL)
		return error_set(error, "%s has a callback `save` and lacks `restore`", symbol);
	return 0;
}

/* The linker names the file that it was given, which says nothing to an operator. */
static int
load_failed(const char *path, struct error *error)
{
	const char *text = dlerror();
	size_t size = strlen(path);

	if (strncmp(text, path, size) == 0 && strncmp(text + size, ": ", 2) == 0)
		text += size + 2;
	return error_set(error, "cannot load the module: %s", text);
}

int
module_load(int fd, struct pf_module *module, struct error *error)
{
	const struct pf_module *exported;
	char path[64];
	void *handle;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (access(path, R_OK) != 0)
		return error_errno(error,
			"the module's file must be readable by the user that "
			"workers run as");
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		return load_failed(path, error);
	exported = dlsym(handle, symbol);
	if (exported == NULL)
		return error_set(
			error, "it is no preforkd module: it does not export \"%s\"", symbol);

	memset(module, 0, sizeof(*module));
	memcpy(module, exported,
		exported->size < sizeof(*module) ? exported->size : sizeof(*module));
	return check(module, error);
}
