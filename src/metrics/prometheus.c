#include <config.h>

#include "metrics/prometheus.h"

#include <inttypes.h>

#include "config/config.h"
#include "metrics/values.h"

enum {
	LABELS_MAX = 256,
};

static const char *const types[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};

/* LABELS, which may be empty, and one more, which may be missing. */
static void
print_value(FILE *out, const struct metric *metric, const char *labels, const char *word,
	uint64_t value)
{
	fputs(metric->name, out);
	if (labels[0] != '\0' && word != NULL)
		fprintf(out, "{%s,%s=\"%s\"}", labels, metric->label, word);
	else if (word != NULL)
		fprintf(out, "{%s=\"%s\"}", metric->label, word);
	else if (labels[0] != '\0')
		fprintf(out, "{%s}", labels);
	fprintf(out, " %" PRIu64 "\n", value);
}

static void
print_times(FILE *out, const char *name, const char *labels, const struct times *times)
{
	const char *comma = labels[0] != '\0' ? "," : "";
	const char *open = labels[0] != '\0' ? "{" : "", *close = labels[0] != '\0' ? "}" : "";
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += times->buckets[i];
		fprintf(out, "%s_bucket{%s%sle=\"%.9g\"} %" PRIu64 "\n", name, labels, comma,
			(double)value_bucket_end_ns(times, i) / 1e9, seen);
	}
	fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, times->count);
	fprintf(out, "%s_sum%s%s%s %.9f\n", name, open, labels, close, times->sum_ns / 1e9);
	fprintf(out, "%s_count%s%s%s %" PRIu64 "\n", name, open, labels, close, times->count);
}

static unsigned
label_count(const struct metric *metric)
{
	return metric->count > 0 ? metric->count : 1;
}

static const char *
word_of(const struct metric *metric, unsigned index)
{
	return metric->word != NULL ? metric->word(index) : NULL;
}

/* Whether the value of that label is left out. */
static bool
is_hidden(const struct metric *metric, unsigned index)
{
	return metric->word != NULL && metric->word(index) == NULL;
}

/* Names of services have letters, digits, '_' and '-' only. */
static void
print_services(FILE *out, const struct segment *segment, const struct metric *metric)
{
	const unsigned services = segment_service_count(segment);
	char labels[LABELS_MAX];
	struct times times;

	for (unsigned service = 0; service < services; service++) {
		snprintf(
			labels, sizeof(labels), "service=\"%s\"", segment->head->services[service]);
		if (metric->type == METRIC_HISTOGRAM) {
			value_times(segment, metric, service, &times);
			print_times(out, metric->name, labels, &times);
			continue;
		}
		for (unsigned i = 0; i < label_count(metric); i++) {
			if (!is_hidden(metric, i))
				print_value(out, metric, labels, word_of(metric, i),
					value_of_service(segment, metric, service, i));
		}
	}
}

/* Who serves is known by number; those that drain are one. */
static uint64_t
sum_workers(const struct segment *segment, const struct metric *metric, unsigned number,
	unsigned index, bool *found)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t sum = 0;

	*found = false;
	for (uint32_t i = 0; i < used; i++) {
		const struct slot *slot = &segment->slots[i];
		const uint32_t state = atomic_load(&slot->state);
		const bool fits = number == 0
			? state == SLOT_DRAINING
			: state == SLOT_READY && atomic_load(&slot->number) == number;

		*found = *found || fits;
		if (fits)
			sum += metric->of_slot(slot, index);
	}
	return sum;
}

static void
print_workers(FILE *out, const struct segment *segment, const struct metric *metric)
{
	char labels[LABELS_MAX];
	bool found;

	for (unsigned number = 0; number <= CONFIG_WORKERS_MAX; number++) {
		if (number == 0)
			snprintf(labels, sizeof(labels), "worker=\"draining\"");
		else
			snprintf(labels, sizeof(labels), "worker=\"%u\"", number);
		for (unsigned i = 0; i < label_count(metric); i++) {
			const uint64_t value = sum_workers(segment, metric, number, i, &found);

			if (found || number == 0)
				print_value(out, metric, labels, word_of(metric, i), value);
		}
	}
}

static void
print_server(FILE *out, const struct segment *segment, const struct metric *metric)
{
	struct times times;

	if (metric->type == METRIC_HISTOGRAM) {
		value_times(segment, metric, 0, &times);
		print_times(out, metric->name, "", &times);
		return;
	}
	for (unsigned i = 0; i < label_count(metric); i++) {
		if (!is_hidden(metric, i))
			print_value(
				out, metric, "", word_of(metric, i), metric->of_server(segment, i));
	}
}

void
prometheus_print(const struct segment *segment, FILE *out)
{
	for (size_t i = 0; i < metric_count; i++) {
		const struct metric *metric = &metric_table[i];

		fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
			metric->name, types[metric->type]);
		switch (metric->scope) {
		case METRIC_SERVICES:
			print_services(out, segment, metric);
			break;
		case METRIC_WORKERS:
			print_workers(out, segment, metric);
			break;
		case METRIC_SERVER:
			print_server(out, segment, metric);
			break;
		}
	}
}
