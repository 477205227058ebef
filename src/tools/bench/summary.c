#include <config.h>

#include "tools/bench/summary.h"

#include <inttypes.h>
#include <string.h>

enum {
	TIME_TEXT_MAX = 32,
	BAR = 40, /* characters of the longest */
};

/* A time with three digits and its unit. */
static const char *
print_time(double time_ns, char text[static TIME_TEXT_MAX])
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	size_t unit = 0;

	for (; time_ns >= 999.5 && unit + 1 < countof(units); unit++)
		time_ns /= 1000;
	snprintf(text, TIME_TEXT_MAX, "%.*f %s",
		time_ns < 9.995           ? 2
			: time_ns < 99.95 ? 1
					  : 0,
		time_ns, units[unit]);
	return text;
}

static void
print_latency(const char *title, const struct histogram *histogram, FILE *file)
{
	static const double quantiles[] = { 0.5, 0.9, 0.99, 0.999, 0.9999 };
	char text[TIME_TEXT_MAX];

	if (histogram->count == 0)
		return;
	fprintf(file, "%-12s", title);
	for (size_t i = 0; i < countof(quantiles); i++)
		fprintf(file, "%g%% %s%s", quantiles[i] * 100,
			print_time((double)histogram_quantile(histogram, quantiles[i]), text),
			i + 2 == countof(quantiles) ? "\n            " : ", ");
	fprintf(file, "max %s, ", print_time((double)histogram->largest, text));
	fprintf(file, "mean %s, ", print_time(histogram_mean(histogram), text));
	fprintf(file, "deviation %s\n", print_time(histogram_deviation(histogram), text));
}

/* The bound behind BOUND_NS in 1, 2, 5, 10, 20, ... */
static int64_t
next_bound(int64_t bound_ns)
{
	int64_t first = bound_ns;

	while (first >= 10)
		first /= 10;
	return first == 2 ? bound_ns / 2 * 5 : bound_ns * 2;
}

static uint64_t
count_between(const struct histogram *histogram, int64_t from_ns, int64_t to_ns)
{
	return histogram_count_to(histogram, to_ns) - histogram_count_to(histogram, from_ns);
}

static void
print_bar(double share, double largest_share, int64_t to_ns, FILE *file)
{
	static const char bar[BAR + 1] = "########################################";
	int length = (int)(share / largest_share * BAR + 0.5);
	char text[TIME_TEXT_MAX];

	fprintf(file, "  up to %-8s %6.2f%%%s%.*s\n", print_time((double)to_ns, text), share * 100,
		length > 0 ? "  " : "", length, bar);
}

/* How latencies are spread: a bar for each 1-2-5 step between the least and the largest. */
static void
print_spread(const struct histogram *histogram, FILE *file)
{
	double total = (double)histogram->count, most = 0;
	int64_t first_ns = 1;

	while (next_bound(first_ns) < histogram->least)
		first_ns = next_bound(first_ns);
	for (int64_t from = first_ns; from < histogram->largest; from = next_bound(from)) {
		uint64_t count = count_between(histogram, from, next_bound(from));

		most = (double)count > most ? (double)count : most;
	}
	for (int64_t from = first_ns; most > 0 && from < histogram->largest;
		from = next_bound(from)) {
		uint64_t count = count_between(histogram, from, next_bound(from));

		print_bar((double)count / total, most / total, next_bound(from), file);
	}
}

static void
print_steps(const struct result *result, FILE *file)
{
	const struct schedule *schedule = &result->plan->schedule;
	char half[TIME_TEXT_MAX], ninety_nine[TIME_TEXT_MAX];

	for (size_t i = 0; schedule->steps > 1 && i < schedule->steps; i++) {
		const struct tally_step *step = &result->sum->steps[i];

		print_time((double)histogram_quantile(&step->latency, 0.5), half);
		print_time((double)histogram_quantile(&step->latency, 0.99), ninety_nine);
		fprintf(file, "%-12s%.0f/s: %.0f/s answered, latency 50%% %s, 99%% %s\n",
			i == 0 ? "steps" : "", schedule->rates[i], result_step_rate(result, i),
			half, ninety_nine);
	}
}

static void
print_errors(const struct result *result, FILE *file)
{
	const struct tally *sum = result->sum;

	for (size_t i = 0; i < BOARD_ERROR__COUNT; i++) {
		if (sum->errors[i] == 0)
			continue;
		fprintf(file, "%-12s%" PRIu64 " %s", "errors", (uint64_t)sum->errors[i],
			board_error_text((enum board_error)i));
		if (i == BOARD_CONNECT)
			fprintf(file, ": %s", strerror(sum->connect_errno));
		fputc('\n', file);
	}
	if (sum->lost > 0)
		fprintf(file, "%-12s%" PRIu64 " requests, with their connections\n", "lost",
			sum->lost);
	if (sum->unsent > 0)
		fprintf(file,
			"%-12s%" PRIu64 " requests that were due: the server did not keep up\n",
			"unsent", sum->unsent);
}

void
summary_print(const struct result *result, FILE *file)
{
	const struct tally *sum = result->sum;
	double transferred = (double)(sum->bytes_in + sum->bytes_out);

	fprintf(file, "%-12s%" PRIu64 " in %.2f s: %.0f/s, %.1f MB/s in and out\n", "requests",
		sum->requests, result->duration_s, result->requests_per_s,
		result->duration_s > 0 ? transferred / 1e6 / result->duration_s : 0);
	print_latency("latency", &sum->latency, file);
	print_spread(&sum->latency, file);
	print_steps(result, file);
	fprintf(file, "%-12s%" PRIu64 ": %.0f/s\n", "connects", sum->connects,
		result->connects_per_s);
	print_latency("to connect", &sum->connect_latency, file);
	fprintf(file, "%-12s%.2f us of CPU a request, busiest thread %.0f %%\n", "this client",
		result->cpu_us, result->share * 100);
	print_errors(result, file);
}
