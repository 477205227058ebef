#include <config.h>

#include "admin/status.h"

#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "dispatch/request_result.h"
#include "metrics/values.h"
#include "segment/counters.h"

static const char *const server_states[] = {
	[SEGMENT_STARTING] = "starting",
	[SEGMENT_RUNNING] = "running",
	[SEGMENT_ENDING] = "draining",
};

static const char *const worker_states[] = {
	[SLOT_FREE] = "free",
	[SLOT_STARTING] = "starting",
	[SLOT_READY] = "ready",
	[SLOT_DRAINING] = "draining",
};

static json_t *
integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *
seconds(uint64_t ns)
{
	return json_real((double)ns / 1e9);
}

static json_t *
make_worker(const struct slot *slot, uint32_t state, unsigned services)
{
	json_t *queued = json_array();
	uint64_t requests = 0;

	for (unsigned i = 0; i < SEGMENT_PRIORITIES; i++)
		json_array_append_new(queued, integer(atomic_load(&slot->queued[i])));
	for (unsigned service = 0; service < services; service++) {
		for (unsigned i = 0; i < REQUEST_RESULT__COUNT; i++)
			requests += atomic_load(&slot->counters[service][COUNTER_REQUESTS + i]);
	}
	return json_pack("{so so so ss so so so so so so}",    /* in the order of the manual */
		"worker", integer(atomic_load(&slot->number)), /* */
		"generation", integer(atomic_load(&slot->generation)),        /* */
		"pid", integer(atomic_load(&slot->pid)),                      /* */
		"state", worker_states[state],                                /* */
		"connections", integer(atomic_load(&slot->admitted)),         /* */
		"queue_length", queued,                                       /* */
		"busy_threads", integer(atomic_load(&slot->busy)),            /* */
		"memory_bytes", integer(atomic_load(&slot->memory)),          /* */
		"open_descriptors", integer(atomic_load(&slot->descriptors)), /* */
		"slot_requests_total", integer(requests));
}

static json_t *
make_workers(const struct segment *segment)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	json_t *workers = json_array();

	for (uint32_t i = 0; i < used; i++) {
		const struct slot *slot = &segment->slots[i];
		const uint32_t state = atomic_load(&slot->state);

		if (state > SLOT_FREE && state <= SLOT_DRAINING)
			json_array_append_new(
				workers, make_worker(slot, state, segment_service_count(segment)));
	}
	return workers;
}

/* A metric of a service: a number, numbers by label, or what can be said of times. */
static json_t *
make_value(const struct segment *segment, const struct metric *metric, unsigned service)
{
	struct times times;
	json_t *object;

	if (metric->type == METRIC_HISTOGRAM) {
		value_times(segment, metric, service, &times);
		return json_pack("{so so so so}", "count", integer(times.count), "sum",
			seconds(times.sum_ns), "p50", seconds(value_quantile_ns(&times, 0.5)),
			"p99", seconds(value_quantile_ns(&times, 0.99)));
	}
	if (metric->count == 0)
		return integer(value_of_service(segment, metric, service, 0));
	object = json_object();
	for (unsigned i = 0; i < metric->count; i++) {
		if (metric->word(i) != NULL)
			json_object_set_new(object, metric->word(i),
				integer(value_of_service(segment, metric, service, i)));
	}
	return object;
}

/* By their names, without the first word. */
static json_t *
make_service(const struct segment *segment, unsigned service)
{
	json_t *object = json_object();

	for (size_t i = 0; i < metric_count; i++) {
		const struct metric *metric = &metric_table[i];

		if (metric->scope == METRIC_SERVICES)
			json_object_set_new(object, metric->name + strlen("preforkd_"),
				make_value(segment, metric, service));
	}
	return object;
}

static json_t *
make_services(const struct segment *segment)
{
	const unsigned count = segment_service_count(segment);
	json_t *services = json_object();

	for (unsigned i = 0; i < count; i++)
		json_object_set_new(services, segment->head->services[i], make_service(segment, i));
	return services;
}

static uint32_t
state_of(const struct segment *segment)
{
	const uint32_t state = atomic_load(&segment->head->master.state);

	return state <= SEGMENT_ENDING ? state : SEGMENT_STARTING;
}

void
status_print(const struct segment *segment, FILE *out)
{
	const struct segment_master *master = &segment->head->master;
	json_t *status = json_pack("{ss so ss so so so so so so so so}",           /* */
		"version", PACKAGE_VERSION,                                        /* */
		"pid", integer((uint64_t)getppid()),                               /* */
		"state", server_states[state_of(segment)],                         /* */
		"generation", integer(atomic_load(&master->generation)),           /* */
		"started_at", integer(atomic_load(&master->started_s)),            /* */
		"loaded_at", integer(atomic_load(&master->loaded_s)),              /* */
		"reloads", integer(atomic_load(&master->reloads)),                 /* */
		"reloads_failed", integer(atomic_load(&master->reloads_failed)),   /* */
		"max_connections", integer(atomic_load(&master->max_connections)), /* */
		"workers", make_workers(segment),                                  /* */
		"services", make_services(segment));

	if (status == NULL)
		return;
	json_dumpf(status, out, JSON_INDENT(2));
	putc('\n', out);
	json_decref(status);
}

const char *
status_why_not_ready(const struct segment *segment)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);

	if (state_of(segment) == SEGMENT_STARTING)
		return "the server starts\n";
	if (state_of(segment) == SEGMENT_ENDING)
		return "the server ends\n";
	for (uint32_t i = 0; i < used; i++) {
		if (atomic_load(&segment->slots[i].state) == SLOT_READY)
			return NULL;
	}
	if (former_sum(&segment->former).accepting > 0)
		return NULL;
	return "no worker is ready\n";
}
