/*
 * A file of percentiles of latency, milliseconds, in the format that HdrHistogram's tools write
 * and its plotter reads (.hgrm): more of them the nearer they come to 100 %.
 */
#ifndef BENCH_PERCENTILES_H
#define BENCH_PERCENTILES_H

#include "base/compiler.h"
#include "base/error.h"
#include "tools/bench/histogram.h"

/* Writes the file at PATH anew. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int percentiles_write(
	const struct histogram *histogram, const char *path, struct error *error);

#endif
