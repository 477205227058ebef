/* All metrics in Prometheus' text format 0.0.4. */
#ifndef METRICS_PROMETHEUS_H
#define METRICS_PROMETHEUS_H

#include <stdio.h>

#include "segment/segment.h"

#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Writes them to OUT, as SEGMENT has them now. */
void prometheus_print(const struct segment *segment, FILE *out);

#endif
