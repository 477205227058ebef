/*
 * A file of percentiles of latency, milliseconds, in the format that HdrHistogram's tools write
 * and its plotter reads (.hgrm): more of them the nearer they come to 100 %.
 */
#ifndef BENCH_PERCENTILES_H
#define BENCH_PERCENTILES_H

#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/error.h"
#include "tools/bench/histogram.h"

/* Opened before the run, which would be lost if the file could not be written. */
struct percentiles {
	const char *path; /* borrowed; NULL if there is no file */
	FILE *file;       /* until it is written */
	bool is_new;      /* there was none before */
};

/*
 * Opens the file at PATH, which keeps what it has until percentiles_write; none if PATH is NULL.
 * Returns 0, or -1 with the reason; percentiles_close closes in both cases.
 */
PF_MUST_CHECK int percentiles_open(
	struct percentiles *percentiles, const char *path, struct error *error);

/* Replaces what the file has, if there is a file. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int percentiles_write(
	struct percentiles *percentiles, const struct histogram *histogram, struct error *error);

/* Leaves no empty file if nothing was to be written. */
void percentiles_close(struct percentiles *percentiles);

#endif
