#include <config.h>

#include "tools/bench/summary.h"

#include <inttypes.h>

static void
print_latency(const struct histogram *histogram, FILE *file)
{
	static const double quantiles[] = { 0.5, 0.9, 0.99, 0.999, 0.9999 };

	fprintf(file, "latency    mean %.1f us, deviation %.1f us, max %.1f us\n",
		histogram_mean(histogram) / 1000, histogram_deviation(histogram) / 1000,
		(double)histogram->largest / 1000);
	for (size_t i = 0; i < countof(quantiles); i++)
		fprintf(file, "%9g%%  %.1f us\n", quantiles[i] * 100,
			(double)histogram_quantile(histogram, quantiles[i]) / 1000);
}

void
summary_print(const struct result *result, FILE *file)
{
	const struct tally *sum = result->sum;

	fprintf(file, "requests   %" PRIu64 " in %.2f s: %.0f/s\n", sum->requests,
		result->duration_s, result->requests_per_s);
	print_latency(&sum->latency, file);
	for (size_t i = 0; i < BOARD_ERROR__COUNT; i++)
		if (sum->errors[i] > 0)
			fprintf(file, "errors     %" PRIu64 " %s\n", (uint64_t)sum->errors[i],
				board_error_text((enum board_error)i));
	fprintf(file, "client     %.2f us of CPU a request, busiest thread %.0f %%\n",
		result->cpu_us, result->share * 100);
}
