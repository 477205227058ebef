#include <config.h>

#include "tools/bench/json.h"

#include <inttypes.h>

#include "base/text.h"

static void
print_latency(const char *name, const struct histogram *histogram, FILE *file)
{
	static const struct {
		const char *name;
		double quantile;
	} quantiles[] = {
		{ "p50", 0.5 },
		{ "p90", 0.9 },
		{ "p99", 0.99 },
		{ "p999", 0.999 },
		{ "p9999", 0.9999 },
	};

	fprintf(file, "\"%s\":{\"min\":%.3f,\"mean\":%.3f,\"stddev\":%.3f", name,
		(double)histogram->least / 1000, histogram_mean(histogram) / 1000,
		histogram_deviation(histogram) / 1000);
	for (size_t i = 0; i < countof(quantiles); i++)
		fprintf(file, ",\"%s\":%.3f", quantiles[i].name,
			(double)histogram_quantile(histogram, quantiles[i].quantile) / 1000);
	fprintf(file, ",\"max\":%.3f}", (double)histogram->largest / 1000);
}

/* All of them in one string, with commas. */
static void
print_addresses(const struct options *options, FILE *file)
{
	fputs("\"address\":\"", file);
	for (size_t i = 0; i < options->address_count; i++) {
		char quoted[4096]; /* address_check has seen that they are short */
		struct text text = { .data = quoted, .room = sizeof(quoted) };

		text_add_quoted(&text, options->addresses[i]);
		fprintf(file, "%s%.*s", i > 0 ? "," : "", (int)text.size - 2, quoted + 1);
	}
	fputc('"', file);
}

static void
print_load(const struct result *result, FILE *file)
{
	const struct options *options = result->plan->options;

	print_addresses(options, file);
	fprintf(file,
		",\"connections\":%" PRIu64 ",\"idle\":%" PRIu64 ",\"pipeline\":%" PRIu32
		",\"threads\":%" PRIu32 ",\"processes\":%" PRIu32 ",\"framing\":\"%s\"",
		options->connections, options->idle, result->plan->pipeline, options->threads,
		options->processes, framing_name(&options->framing));
	if (options->schedule.steps == 1)
		fprintf(file, ",\"rate\":%.3f", options->schedule.rates[0]);
	else
		fputs(",\"rate\":null", file);
	fprintf(file, ",\"warmup_s\":%.3f,\"duration_s\":%.6f", (double)options->warmup_ms / 1000,
		result->duration_s);
}

static void
print_errors(const struct tally *sum, FILE *file)
{
	fputs("\"errors\":{", file);
	for (size_t i = 0; i < BOARD_ERROR__COUNT; i++)
		fprintf(file, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
			board_error_name((enum board_error)i), (uint64_t)sum->errors[i]);
	fputc('}', file);
}

static void
print_steps(const struct result *result, FILE *file)
{
	const struct schedule *schedule = &result->plan->schedule;

	fputs("\"steps\":[", file);
	for (size_t i = 0; schedule->steps > 1 && i < schedule->steps; i++) {
		const struct tally_step *step = &result->sum->steps[i];

		fprintf(file,
			"%s{\"rate\":%.3f,\"duration_s\":%.6f,\"requests\":%" PRIu64
			",\"requests_per_s\":%.3f,",
			i > 0 ? "," : "", schedule->rates[i], result_step_s(result, i),
			step->requests, result_step_rate(result, i));
		print_latency("latency_us", &step->latency, file);
		fputc('}', file);
	}
	fputc(']', file);
}

void
json_print(const struct result *result, FILE *file)
{
	const struct tally *sum = result->sum;

	fputs("{\"version\":1,", file);
	print_load(result, file);
	fprintf(file,
		",\"requests\":%" PRIu64 ",\"requests_per_s\":%.3f,\"bytes_in\":%" PRIu64
		",\"bytes_out\":%" PRIu64 ",\"connects\":%" PRIu64 ",\"connects_per_s\":%.3f,",
		sum->requests, result->requests_per_s, sum->bytes_in, sum->bytes_out, sum->connects,
		result->connects_per_s);
	print_latency("connect_latency_us", &sum->connect_latency, file);
	fputc(',', file);
	print_latency("latency_us", &sum->latency, file);
	fputc(',', file);
	print_errors(sum, file);
	fprintf(file,
		",\"lost\":%" PRIu64 ",\"unsent\":%" PRIu64 ",\"client_cpu_us_per_request\":%.4f"
		",\"client_cpu_share\":%.4f,\"bottleneck\":%s,",
		sum->lost, sum->unsent, result->cpu_us, result->share,
		result->bottleneck ? "true" : "false");
	print_steps(result, file);
	fputs("}\n", file);
}
