#include <config.h>

#include "master/scale.h"

#include "base/log.h"
#include "master/generation.h"

static void
log_workers(const struct supervisor *supervisor)
{
	log_info("number of workers changed",
		log_int("workers", (int64_t)supervisor->serving->seat_count));
}

static void
log_stays(const char *reason)
{
	log_warn("the number of workers stays", log_str("reason", reason));
}

void
scale_up(struct supervisor *supervisor, const char *why_not)
{
	struct error error;

	if (why_not != NULL)
		log_stays(why_not);
	else if (supervisor_add(supervisor, &error) == 0)
		log_workers(supervisor);
	else
		log_error("cannot add a worker", log_str("reason", error.text));
}

void
scale_down(struct supervisor *supervisor, const char *why_not)
{
	struct error error;

	if (why_not != NULL)
		log_stays(why_not);
	else if (supervisor_remove(supervisor, &error) == 0)
		log_workers(supervisor);
	else
		log_stays(error.text);
}

int
scale_to(struct supervisor *supervisor, size_t workers, struct error *error)
{
	const struct generation *generation = supervisor->serving;
	int result = 0;

	while (result == 0 && generation->seat_count < workers)
		result = supervisor_add(supervisor, error);
	while (result == 0 && generation->seat_count > workers)
		result = supervisor_remove(supervisor, error);
	log_workers(supervisor);
	return result;
}
