#include <config.h>

#include "tools/bench/percentiles.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	TICKS = 5, /* lines for each half of what is left up to 100 % */
};

static const double ms_ns = 1e6;

static void
print_line(const struct histogram *histogram, double quantile, FILE *file)
{
	int64_t value = histogram_quantile(histogram, quantile);

	fprintf(file, "%12.3f %2.12f %10" PRIu64, (double)value / ms_ns, quantile,
		histogram_count_to(histogram, value));
	if (quantile < 1)
		fprintf(file, " %14.2f", 1 / (1 - quantile));
	fputc('\n', file);
}

static void
print(const struct histogram *histogram, FILE *file)
{
	double half = 0.5, last = 1 - 1 / ((double)histogram->count + 1);

	fputs("       Value     Percentile TotalCount 1/(1-Percentile)\n\n", file);
	/* HALF is what is left from where its lines begin. */
	for (double begin = 0; begin < last; begin += half, half /= 2)
		for (int i = 0; i < TICKS && begin + half * i / TICKS < last; i++)
			print_line(histogram, begin + half * i / TICKS, file);
	if (histogram->count > 0)
		print_line(histogram, 1, file);
	fprintf(file, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
		histogram_mean(histogram) / ms_ns, histogram_deviation(histogram) / ms_ns);
	fprintf(file, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
		(double)histogram->largest / ms_ns, histogram->count);
	fprintf(file, "#[Buckets = %12d, SubBuckets     = %12d]\n",
		HISTOGRAM_VALUE_BITS - HISTOGRAM_PART_BITS + 1, HISTOGRAM_PARTS);
}

int
percentiles_write(const struct histogram *histogram, const char *path, struct error *error)
{
	FILE *file = fopen(path, "we");
	int failed;

	if (file == NULL)
		return error_errno(error, "cannot write \"%s\"", path);
	print(histogram, file);
	failed = ferror(file);
	if (fclose(file) != 0 || failed)
		return error_errno(error, "cannot write \"%s\"", path);
	return 0;
}
