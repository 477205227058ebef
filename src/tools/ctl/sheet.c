#include <config.h>

#include "tools/ctl/sheet.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/clock.h"
#include "dispatch/request_result.h"
#include "metrics/table.h"

/* tests/lint/monitoring sees to it that what is named here is there. */
static const struct metric *
find(const char *name)
{
	for (size_t i = 0; i < metric_count; i++) {
		if (strcmp(metric_table[i].name, name) == 0)
			return &metric_table[i];
	}
	abort();
}

/* Over all its labels, as in all that follow. */
static uint64_t
sum(const struct view *view, const char *name, unsigned service)
{
	const struct metric *metric = find(name);
	uint64_t total = 0;

	for (unsigned i = 0; i < MAX(metric->count, 1); i++)
		total += value_of_service(&view->segment, metric, service, i);
	return total;
}

static uint64_t
sum_of_failures(const struct view *view, unsigned service)
{
	const struct metric *metric = find("preforkd_requests_total");
	uint64_t total = 0;

	for (unsigned i = 0; i < REQUEST_RESULT__COUNT; i++) {
		if (request_result_is_failure((enum request_result)i))
			total += value_of_service(&view->segment, metric, service, i);
	}
	return total;
}

static uint64_t
sum_of_server(const struct view *view, const char *name)
{
	const struct metric *metric = find(name);
	uint64_t total = 0;

	for (unsigned i = 0; i < MAX(metric->count, 1); i++)
		total += metric->of_server(&view->segment, i);
	return total;
}

static uint64_t
sum_of_slot(const struct slot *slot, const char *name)
{
	const struct metric *metric = find(name);
	uint64_t total = 0;

	for (unsigned i = 0; i < MAX(metric->count, 1); i++)
		total += metric->of_slot(slot, i);
	return total;
}

/* The same of a metric of services, of all of them. */
static uint64_t
sum_of_services(const struct view *view, const struct slot *slot, const char *name)
{
	const struct metric *metric = find(name);
	uint64_t total = 0;

	for (unsigned i = 0; i < MAX(metric->count, 1); i++)
		total += value_of_slot(&view->segment, metric, slot, i);
	return total;
}

static double
rate(uint64_t now, uint64_t before, int64_t ns)
{
	return ns > 0 && now > before ? (double)(now - before) * 1e9 / (double)ns : 0;
}

static const struct worker_line *
find_worker(const struct sheet *sheet, const struct worker_line *line)
{
	for (size_t i = 0; sheet != NULL && i < sheet->worker_count; i++) {
		if (sheet->workers[i].slot == line->slot && sheet->workers[i].pid == line->pid)
			return &sheet->workers[i];
	}
	return NULL;
}

static void
take_worker(
	struct sheet *sheet, const struct view *view, unsigned index, const struct sheet *before)
{
	const struct slot *slot = &view->segment.slots[index];
	struct worker_line *line = &sheet->workers[sheet->worker_count];
	const struct worker_line *former;

	*line = (struct worker_line){
		.slot = index,
		.number = atomic_load(&slot->number),
		.generation = atomic_load(&slot->generation),
		.pid = atomic_load(&slot->pid),
		.state = atomic_load(&slot->state),
		.connections = sum_of_slot(slot, "preforkd_worker_connections"),
		.queued = sum_of_slot(slot, "preforkd_worker_queue_length"),
		.busy = sum_of_slot(slot, "preforkd_worker_busy_threads"),
		.memory = sum_of_slot(slot, "preforkd_worker_memory_bytes"),
		.descriptors = sum_of_slot(slot, "preforkd_worker_open_descriptors"),
		.requests = sum_of_services(view, slot, "preforkd_requests_total"),
	};
	if (segment_slot_state_text(line->state) == NULL)
		return;
	former = find_worker(before, line);
	if (former != NULL)
		line->rate =
			rate(line->requests, former->requests, sheet->taken_ns - before->taken_ns);
	sheet->connections += line->connections;
	sheet->worker_count++;
}

static void
take_times(struct times *times, const struct times *ever, const struct times *before)
{
	*times = *ever;
	if (before == NULL)
		return;
	times->sum_ns -= before->sum_ns;
	times->count -= before->count;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		times->buckets[i] -= before->buckets[i];
}

static void
take_service(struct sheet *sheet, const struct view *view, unsigned id, const struct sheet *before)
{
	const bool known = before != NULL && id < before->service_count;
	struct service_line *line = &sheet->services[id];

	*line = (struct service_line){
		.name = view_service(view, id),
		.connections = sum(view, "preforkd_active_connections", id),
		.accepted = sum(view, "preforkd_connections_total", id),
		.refused = sum(view, "preforkd_connections_rejected_total", id),
		.requests = sum(view, "preforkd_requests_total", id),
		.failed = sum_of_failures(view, id),
		.received = sum(view, "preforkd_received_bytes_total", id),
		.sent = sum(view, "preforkd_sent_bytes_total", id),
	};
	value_times(
		&view->segment, find("preforkd_request_duration_seconds"), id, &sheet->ever[id]);
	take_times(&line->times, &sheet->ever[id], known ? &before->ever[id] : NULL);
	if (known)
		line->rate = rate(line->requests, before->services[id].requests,
			sheet->taken_ns - before->taken_ns);
}

static void
take_server(struct sheet *sheet, const struct view *view)
{
	const struct segment_master *master = &view->segment.head->master;

	sheet->state = atomic_load(&master->state);
	sheet->wanted = atomic_load(&master->workers);
	sheet->max_connections = sum_of_server(view, "preforkd_max_connections");
	sheet->restarts = sum_of_server(view, "preforkd_worker_restarts_total");
	sheet->reloads = atomic_load(&master->reloads);
	sheet->reloads_failed = atomic_load(&master->reloads_failed);
	sheet->started_s = sum_of_server(view, "preforkd_start_timestamp_seconds");
	sheet->loaded_s = sum_of_server(view, "preforkd_config_loaded_timestamp_seconds");
}

void
sheet_take(struct sheet *sheet, const struct view *view, const struct sheet *before)
{
	const uint32_t used =
		MIN(atomic_load(&view->segment.head->slots_used), (uint32_t)SEGMENT_SLOTS);

	sheet->taken_ns = clock_monotonic_ns();
	sheet->worker_count = 0;
	sheet->connections = former_sum(&view->segment.former).admitted;
	sheet->service_count = segment_service_count(&view->segment);
	for (unsigned i = 0; i < sheet->service_count; i++)
		take_service(sheet, view, i, before);
	for (unsigned i = 0; i < used; i++)
		take_worker(sheet, view, i, before);
	take_server(sheet, view);
}
