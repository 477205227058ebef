#include <config.h>

#include "tools/bench/percentiles.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

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

static int
cannot_write(const struct percentiles *percentiles, struct error *error)
{
	return error_errno(error, "cannot write \"%s\"", percentiles->path);
}

int
percentiles_open(struct percentiles *percentiles, const char *path, struct error *error)
{
	*percentiles = (struct percentiles){ .path = path };
	if (path == NULL)
		return 0;
	percentiles->file = fopen(path, "aex");
	percentiles->is_new = percentiles->file != NULL;
	if (percentiles->file == NULL && errno == EEXIST)
		percentiles->file = fopen(path, "ae");
	return percentiles->file != NULL ? 0 : cannot_write(percentiles, error);
}

int
percentiles_write(
	struct percentiles *percentiles, const struct histogram *histogram, struct error *error)
{
	FILE *file = percentiles->file;
	int failed;

	if (file == NULL)
		return 0;
	percentiles->file = NULL;
	/* A pipe or a device has nothing to cut off, ftruncate(2). */
	failed = ftruncate(fileno(file), 0) != 0 && errno != EINVAL;
	if (!failed)
		print(histogram, file);
	failed |= ferror(file);
	if (fclose(file) != 0 || failed)
		return cannot_write(percentiles, error);
	return 0;
}

void
percentiles_close(struct percentiles *percentiles)
{
	if (percentiles->file == NULL)
		return;
	fclose(percentiles->file);
	percentiles->file = NULL;
	if (percentiles->is_new)
		unlink(percentiles->path);
}
