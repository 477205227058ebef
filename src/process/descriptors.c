#include <config.h>

#include "process/descriptors.h"

#include <stdio.h>
#include <sys/resource.h>

#include "base/log.h"

static size_t
round_up(size_t dividend, size_t divisor)
{
	return dividend / divisor + (dividend % divisor != 0);
}

/* What a worker needs without any connection. */
static size_t
overhead(const struct config *config)
{
	size_t needed = DESCRIPTORS_RESERVE;

	for (size_t i = 0; i < config->service_count; i++)
		needed += config->services[i].listen.count;
	return needed;
}

size_t
descriptors_needed(const struct config *config, size_t workers)
{
	return overhead(config) + round_up((size_t)config->max_connections, workers);
}

/* Returns the limit that there is then. */
static rlim_t
raise_limit(rlim_t needed)
{
	struct rlimit limit, higher;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return RLIM_INFINITY;
	higher = (struct rlimit){ .rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max };
	if (limit.rlim_cur < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &higher) == 0)
		limit = higher;
	higher = (struct rlimit){ .rlim_cur = needed, .rlim_max = needed };
	if (limit.rlim_max < needed && setrlimit(RLIMIT_NOFILE, &higher) == 0)
		limit = higher;
	return limit.rlim_cur;
}

/* LEFT is how many connections the limit leaves each worker. */
static void
print_advice(char *text, size_t room, const struct config *config, size_t workers, size_t left)
{
	size_t needed = descriptors_needed(config, workers);
	size_t connections = (size_t)config->max_connections;

	if (left == 0)
		snprintf(text, room, "raise RLIMIT_NOFILE to %zu", needed);
	else if (round_up(connections, left) > CONFIG_WORKERS_MAX)
		snprintf(text, room, "raise RLIMIT_NOFILE to %zu, or lower max_connections to %zu",
			needed, left * workers);
	else
		snprintf(text, room,
			"raise RLIMIT_NOFILE to %zu, or lower max_connections to %zu, or have %zu "
			"workers",
			needed, left * workers, round_up(connections, left));
}

void
descriptors_provide(const struct config *config, size_t workers)
{
	size_t needed = descriptors_needed(config, workers), own = overhead(config);
	rlim_t limit = raise_limit(needed);
	char advice[128];

	if (limit >= needed)
		return;
	print_advice(advice, sizeof(advice), config, workers, limit > own ? limit - own : 0);
	log_warn("a worker may open fewer files than its share of max_connections takes",
		log_uint("limit", limit), log_uint("needed", needed), log_str("advice", advice));
}
