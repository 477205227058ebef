/*
 * A module for tests that says that its table is SIZE bytes long, of minor version MINOR: as one
 * built against another header of the same major version would. It has members behind those of
 * today.
 */
#include <prefork/module.h>

static const struct pf_api *api;

static int
init(const struct pf_api *given, struct pf_service *service)
{
	(void)service;
	api = given;
	return 0;
}

static enum pf_verdict
message(struct pf_request *request)
{
	api->reply(request, &request->message, 1);
	return PF_CONTINUE;
}

struct grown {
	struct pf_module known;
	void (*later)(void);
};

/* What version 1.0 ends with; no server may ask for more of a module. */
#define SIZE_OF_1_0 (offsetof(struct pf_module, message) + sizeof(void *))

PF_EXPORT const struct grown pf_module = {
	.known = {
		.size = SIZE,
		.abi_major = PF_ABI_MAJOR,
		.abi_minor = MINOR,
		.name = "sized",
		.init = init,
		.message = message,
	},
};
