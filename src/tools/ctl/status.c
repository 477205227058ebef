/* Prints what the server does: a table for people, or JSON as the admin process's /status. */
#include <config.h>

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "metrics/status.h"
#include "tools/ctl/commands.h"
#include "tools/ctl/sheet.h"
#include "tools/ctl/text.h"
#include "tools/lib/arguments.h"

static void
print_server(const struct sheet *sheet, const struct view *view)
{
	const int64_t now_s = (int64_t)time(NULL);
	char up[TEXT_MAX], loaded[TEXT_MAX];

	text_duration((now_s - (int64_t)sheet->started_s) * 1000, up);
	text_duration((now_s - (int64_t)sheet->loaded_s) * 1000, loaded);
	printf("preforkd %s, process %" PRId32 ", %s for %s\n", view->server.program,
		view->server.pid, segment_state_text(sheet->state), up);
	printf("generation %" PRIu32 ", loaded %s ago; reloads %" PRIu64 ", failed %" PRIu64 "\n",
		view->server.generation, loaded, sheet->reloads, sheet->reloads_failed);
	printf("connections %" PRIu64 " of %" PRIu64 "; workers %" PRIu32 ", replaced %" PRIu64
	       "\n",
		sheet->connections, sheet->max_connections, sheet->wanted, sheet->restarts);
}

static void
print_workers(const struct sheet *sheet)
{
	char memory[TEXT_MAX];

	printf("\n%6s %5s %8s  %-8s %7s %7s %5s %7s %6s %12s\n", "WORKER", "GEN", "PID", "STATE",
		"CONNS", "QUEUED", "BUSY", "MEMORY", "FILES", "REQUESTS");
	for (size_t i = 0; i < sheet->worker_count; i++) {
		const struct worker_line *line = &sheet->workers[i];

		text_bytes(line->memory > 0, line->memory, memory);
		printf("%6" PRIu32 " %5" PRIu32 " %8" PRIu32 "  %-8s %7" PRIu64 " %7" PRIu64
		       " %5" PRIu64 " %7s %6" PRIu64 " %12" PRIu64 "\n",
			line->number, line->generation, line->pid,
			segment_slot_state_text(line->state), line->connections, line->queued,
			line->busy, memory, line->descriptors, line->requests);
	}
}

static void
print_service(const struct service_line *line)
{
	char in[TEXT_MAX], out[TEXT_MAX], median[TEXT_MAX], p99[TEXT_MAX];

	text_bytes(true, line->received, in);
	text_bytes(true, line->sent, out);
	text_fine_duration(line->times.count > 0, value_quantile_ns(&line->times, 0.5), median);
	text_fine_duration(line->times.count > 0, value_quantile_ns(&line->times, 0.99), p99);
	printf("%-16s %7" PRIu64 " %9" PRIu64 " %8" PRIu64 " %12" PRIu64 " %8" PRIu64
	       " %7s %7s %6s %6s\n",
		line->name, line->connections, line->accepted, line->refused, line->requests,
		line->failed, median, p99, in, out);
}

static void
print_services(const struct sheet *sheet)
{
	printf("\n%-16s %7s %9s %8s %12s %8s %7s %7s %6s %6s\n", "SERVICE", "CONNS", "ACCEPTED",
		"REFUSED", "REQUESTS", "FAILED", "P50", "P99", "IN", "OUT");
	for (size_t i = 0; i < sheet->service_count; i++)
		print_service(&sheet->services[i]);
}

static int
print_table(const struct view *view)
{
	struct sheet *sheet = calloc(1, sizeof(*sheet));

	if (sheet == NULL) {
		warn("cannot keep what is to be shown");
		return EX_OSERR;
	}
	sheet_take(sheet, view, NULL);
	print_server(sheet, view);
	print_workers(sheet);
	print_services(sheet);
	free(sheet);
	return EX_OK;
}

static bool
wants_json(const struct options *options)
{
	if (options->count == 2 && strcmp(options->words[1], "--json") == 0)
		return true;
	if (options->count > 1)
		arguments_refuse("status: expected --json or nothing");
	return options->json;
}

int
status_run(const struct options *options)
{
	const bool json = wants_json(options);
	struct view view = VIEW_NONE;
	struct error error;
	struct link link;
	int status = link_open(&link, options, &error);

	if (status == EX_OK)
		status = view_open(&view, &link, &error);
	if (status != EX_OK)
		warnx("%s", error.text);
	else if (json)
		status_print(&view.segment, stdout);
	else
		status = print_table(&view);
	view_close(&view);
	link_close(&link);
	return status;
}
