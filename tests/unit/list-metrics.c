/* Prints the table of metrics for tests/lint/metrics, a line a row: name, type and label. */
#include <config.h>

#include <stdio.h>

#include "metrics/table.h"

static const char *const types[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};

static const char *const scopes[] = {
	[METRIC_SERVICES] = "service",
	[METRIC_WORKERS] = "worker",
	[METRIC_SERVER] = "server",
};

int
main(void)
{
	for (size_t i = 0; i < metric_count; i++) {
		const struct metric *metric = &metric_table[i];

		printf("%s\t%s\t%s\t%s\n", scopes[metric->scope], metric->name, types[metric->type],
			metric->label != NULL ? metric->label : "-");
	}
	return 0;
}
