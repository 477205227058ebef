#include <config.h>

#include "metrics/status.h"

#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "metrics/values.h"
#include "segment/reloads.h"

enum {
	DIGITS = 15, /* as many as each double has */
};

/* Whose metrics: a service's, all that has happened in a slot, or the server's. */
struct subject {
	const struct segment *segment;
	const struct slot *slot;
	unsigned service;
};

static void
set_integer(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void
set_seconds(json_t *object, const char *name, double ns)
{
	json_object_set_new(object, name, json_real(ns / 1e9));
}

/* What is not UTF-8, or was cut within a character, is shown as far as it is ASCII. */
static void
set_text(json_t *object, const char *name, char *text)
{
	if (json_object_set_new(object, name, json_string(text)) == 0)
		return;
	for (char *at = text; *at != '\0'; at++) {
		if ((*at & 0x80) != 0)
			*at = '?';
	}
	json_object_set_new(object, name, json_string(text));
}

/* Up to the last one that is not 0. */
static json_t *
make_buckets(const struct times *times)
{
	json_t *buckets = json_array();
	unsigned count = HISTOGRAM_BUCKETS;

	while (count > 0 && times->buckets[count - 1] == 0)
		count--;
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(buckets, json_integer((json_int_t)times->buckets[i]));
	return buckets;
}

static json_t *
make_times(const struct subject *subject, const struct metric *metric)
{
	json_t *object = json_object();
	struct times times;

	if (subject->slot != NULL)
		value_times_of_slot(subject->segment, metric, subject->slot, &times);
	else
		value_times(subject->segment, metric, subject->service, &times);
	set_integer(object, "count", times.count);
	set_seconds(object, "sum", times.sum_ns);
	set_seconds(object, "p50", (double)value_quantile_ns(&times, 0.5));
	set_seconds(object, "p99", (double)value_quantile_ns(&times, 0.99));
	json_object_set_new(object, "buckets", make_buckets(&times));
	return object;
}

static uint64_t
value_of(const struct subject *subject, const struct metric *metric, unsigned index)
{
	switch (metric->scope) {
	case METRIC_WORKERS:
		return metric->of_slot(subject->slot, index);
	case METRIC_SERVER:
		return metric->of_server(subject->segment, index);
	case METRIC_SERVICES:
		break;
	}
	return subject->slot != NULL
		? value_of_slot(subject->segment, metric, subject->slot, index)
		: value_of_service(subject->segment, metric, subject->service, index);
}

/* Sets a number, numbers by label, or what can be said of times; the name is without PREFIX. */
static void
set_metric(json_t *object, const char *prefix, const struct subject *subject,
	const struct metric *metric)
{
	const char *name = metric->name + strlen(prefix);
	json_t *values;

	if (metric->type == METRIC_HISTOGRAM) {
		json_object_set_new(object, name, make_times(subject, metric));
		return;
	}
	if (metric->count == 0) {
		set_integer(object, name, value_of(subject, metric, 0));
		return;
	}
	values = json_object();
	for (unsigned i = 0; i < metric->count; i++) {
		if (metric->word(i) != NULL)
			set_integer(values, metric->word(i), value_of(subject, metric, i));
	}
	json_object_set_new(object, name, values);
}

static json_t *
make_metrics(const struct subject *subject, enum metric_scope scope)
{
	json_t *object = json_object();

	for (size_t i = 0; i < metric_count; i++) {
		const struct metric *metric = &metric_table[i];

		if (metric->scope == scope && (subject->slot == NULL || metric->by_slot))
			set_metric(object, "preforkd_", subject, metric);
	}
	return object;
}

static void
set_gauges(json_t *worker, const struct subject *subject)
{
	for (size_t i = 0; i < metric_count; i++) {
		const struct metric *metric = &metric_table[i];

		if (metric->scope == METRIC_WORKERS)
			set_metric(worker, "preforkd_worker_", subject, metric);
	}
}

/* How often somebody has taken the place of the worker with that number. */
static uint64_t
restarts_of(const struct segment *segment, uint32_t number)
{
	return number > 0 && number <= SEGMENT_SLOTS
		? atomic_load(&segment->head->master.worker_restarts[number - 1])
		: 0;
}

static json_t *
make_worker(const struct segment *segment, const struct slot *slot, const char *state)
{
	const struct subject subject = { .segment = segment, .slot = slot };
	const uint32_t number = atomic_load(&slot->number);
	json_t *worker = json_object();

	set_integer(worker, "worker", number);
	set_integer(worker, "generation", atomic_load(&slot->generation));
	set_integer(worker, "pid", atomic_load(&slot->pid));
	json_object_set_new(worker, "state", json_string(state));
	set_integer(worker, "restarts", restarts_of(segment, number));
	set_gauges(worker, &subject);
	json_object_set_new(worker, "slot", make_metrics(&subject, METRIC_SERVICES));
	return worker;
}

static json_t *
make_workers(const struct segment *segment)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	json_t *workers = json_array();

	for (uint32_t i = 0; i < used; i++) {
		const struct slot *slot = &segment->slots[i];
		const char *state = segment_slot_state_text(atomic_load(&slot->state));

		if (state != NULL)
			json_array_append_new(workers, make_worker(segment, slot, state));
	}
	return workers;
}

static json_t *
make_services(const struct segment *segment)
{
	struct subject subject = { .segment = segment };
	const unsigned count = segment_service_count(segment);
	json_t *services = json_object();

	for (; subject.service < count; subject.service++)
		json_object_set_new(services, segment->head->services[subject.service],
			make_metrics(&subject, METRIC_SERVICES));
	return services;
}

static json_t *
make_reload(struct reloads_entry *entry)
{
	json_t *reload = json_object();

	set_integer(reload, "at", entry->at_s);
	json_object_set_new(reload, "ok", json_boolean(entry->ok));
	set_integer(reload, "generation", entry->generation);
	if (!entry->ok)
		set_text(reload, "reason", entry->reason);
	return reload;
}

/* The last ones, the latest first. */
static json_t *
make_reloads(const struct segment *segment)
{
	const struct segment_master *master = &segment->head->master;
	const uint64_t count = reloads_count(master);
	json_t *reloads = json_array();
	struct reloads_entry entry;

	for (uint64_t i = 0; i < SEGMENT_RELOADS && i < count; i++) {
		if (reloads_read(master, count - i, &entry))
			json_array_append_new(reloads, make_reload(&entry));
	}
	return reloads;
}

/* Where the buckets of times, not of ages, end; what is beyond the last one has no end. */
static json_t *
make_bucket_ends(void)
{
	const struct metric time = { .type = METRIC_HISTOGRAM };
	const struct times times = value_no_times(&time);
	json_t *ends = json_array();

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++)
		json_array_append_new(
			ends, json_real((double)value_bucket_end_ns(&times, i) / 1e9));
	return ends;
}

void
status_print(const struct segment *segment, FILE *out)
{
	const struct subject server = { .segment = segment };
	const uint32_t state = atomic_load(&segment->head->master.state);
	json_t *status = json_object();

	json_object_set_new(status, "version", json_string(PACKAGE_VERSION));
	set_integer(status, "pid", atomic_load(&segment->head->master.pid));
	json_object_set_new(status, "state", json_string(segment_state_text(state)));
	set_seconds(status, "now", (double)clock_ns(CLOCK_REALTIME));
	json_object_set_new(status, "server", make_metrics(&server, METRIC_SERVER));
	json_object_set_new(status, "workers", make_workers(segment));
	json_object_set_new(status, "services", make_services(segment));
	json_object_set_new(status, "reloads", make_reloads(segment));
	json_object_set_new(status, "bucket_ends", make_bucket_ends());
	json_dumpf(status, out, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS));
	putc('\n', out);
	json_decref(status);
}

const char *
status_why_not_ready(const struct segment *segment)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	const uint32_t state = atomic_load(&segment->head->master.state);

	if (state == SEGMENT_STARTING)
		return "the server starts\n";
	if (state == SEGMENT_ENDING)
		return "the server ends\n";
	for (uint32_t i = 0; i < used; i++) {
		if (atomic_load(&segment->slots[i].state) == SLOT_READY)
			return NULL;
	}
	if (former_sum(&segment->former).accepting > 0)
		return NULL;
	return "no worker is ready\n";
}
