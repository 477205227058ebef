#include <config.h>

#include "tools/bench/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "base/clock.h"

enum {
	SPARE_DESCRIPTORS = 16, /* standard ones, epoll, and what libraries open */
};

static int
resolve_addresses(struct plan *plan, struct error *error)
{
	const struct options *options = plan->options;

	plan->addresses = calloc(options->address_count, sizeof(plan->addresses[0]));
	if (plan->addresses == NULL) {
		error_errno(error, "cannot hold the addresses");
		return EX_SOFTWARE;
	}
	for (size_t i = 0; i < options->address_count; i++)
		if (address_resolve(&plan->addresses[i], options->addresses[i], error) != 0)
			return EX_UNAVAILABLE;
	return 0;
}

/* Takes the address TEXT of SIZE characters, which has no port. */
static int
add_source(struct plan *plan, const char *text, size_t size, struct error *error)
{
	struct address *source = &plan->sources[plan->source_count++];
	bool is_ipv6 = memchr(text, ':', size) != NULL && text[0] != '[';
	char address[ADDRESS_TEXT_MAX];

	snprintf(address, sizeof(address), is_ipv6 ? "[%.*s]:0" : "%.*s:0", (int)size, text);
	if (address_parse(source, address, error) != 0)
		return error_set(error, "--source \"%.*s\": expected an IP address without a port",
			(int)size, text);
	for (size_t i = 0; i < plan->options->address_count; i++)
		if (source->sa.sa_family != plan->addresses[i].sa.sa_family)
			return error_set(error, "--source \"%.*s\" is of another family than %s",
				(int)size, text, plan->options->addresses[i]);
	return 0;
}

static int
parse_sources(struct plan *plan, struct error *error)
{
	const char *rest = plan->options->sources;

	if (rest == NULL)
		return 0;
	plan->sources = calloc(strlen(rest) + 1, sizeof(plan->sources[0]));
	if (plan->sources == NULL)
		return error_errno(error, "cannot hold the sources");
	for (size_t size; rest != NULL; rest = rest[size] == ',' ? rest + size + 1 : NULL) {
		size = strcspn(rest, ",");
		if (add_source(plan, rest, size, error) != 0)
			return -1;
	}
	return 0;
}

/* Each process needs a descriptor a connection: the soft limit is raised as far as it goes. */
static int
check_descriptors(const struct options *options, struct error *error)
{
	uint64_t all = options->connections + options->idle;
	uint64_t needed = all / options->processes + options->threads + SPARE_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return error_errno(error, "cannot read the limit of open files");
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (needed <= limit.rlim_max)
		return 0;
	return error_set(error,
		"%ju connections a process are more than the limit of open files, %ju: "
		"raise it (ulimit -Hn), or share them among more --processes",
		(uintmax_t)(all / options->processes), (uintmax_t)limit.rlim_max);
}

int
plan_make(struct plan *plan, const struct options *options, struct error *error)
{
	struct sizes sizes = options->sizes;
	int status;

	*plan = (struct plan){
		.options = options,
		.schedule = options->schedule,
		.pipeline = options->pipeline,
		.workers = options->threads * options->processes,
	};
	plan->rules = (struct replies_rules){
		.wire = &options->framing.wire,
		.payload = &plan->payload,
		.check = options->check,
	};
	if (options->churn > 0 && options->churn < plan->pipeline)
		plan->pipeline = (uint32_t)options->churn;
	if (check_descriptors(options, error) != 0)
		return EX_USAGE;
	status = resolve_addresses(plan, error);
	if (status != 0)
		return status;
	schedule_lay_out(&plan->schedule, options->warmup_ms * CLOCK_NS_PER_MS,
		options->duration_ms * CLOCK_NS_PER_MS);
	if (parse_sources(plan, error) != 0)
		return EX_USAGE;
	if (payload_make(&plan->payload, &sizes, &options->framing, plan->pipeline, error) != 0)
		return EX_USAGE;
	return 0;
}

void
plan_free(struct plan *plan)
{
	payload_free(&plan->payload);
	free(plan->addresses);
	free(plan->sources);
	*plan = (struct plan){ 0 };
}
