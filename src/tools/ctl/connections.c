/* Lists connections, or closes one. */
#include <config.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <jansson.h>

#include "base/address.h"
#include "base/compiler.h"
#include "metrics/values.h"
#include "segment/counters.h"
#include "segment/segment.h"
#include "tools/ctl/commands.h"
#include "tools/ctl/filter.h"
#include "tools/ctl/link.h"
#include "tools/ctl/roster.h"
#include "tools/ctl/text.h"
#include "tools/ctl/view.h"
#include "tools/lib/arguments.h"

enum {
	LIST_TRIES = 20, /* while workers come and go */
	LIST_AGAIN_MS = 100,
	LIST_READINGS = 2, /* whole ones, while connections move */
	KILL_TRIES = 20,   /* for one that is on its way to another worker */
	KILL_AGAIN_MS = 100,
};

static void
print_row(const struct control_row *row, const struct view *view)
{
	char peer[ADDRESS_TEXT_MAX], age[TEXT_MAX], quiet[TEXT_MAX], in[TEXT_MAX], out[TEXT_MAX];

	roster_peer(row, peer);
	text_duration(row->age_ms, age);
	text_duration(row->quiet_ms, quiet);
	text_bytes(row->counts_bytes, row->received, in);
	text_bytes(row->counts_bytes, row->sent, out);
	printf("%016" PRIx64 "  %-12s %6" PRIu32 "  %-7s %7s %7s %9" PRIu64 " %6" PRIu32
	       " %8s %8s  %s\n",
		row->id, view_service(view, row->service), row->worker, roster_state(row), age,
		quiet, row->requests, row->in_flight, in, out, peer);
}

static json_t *
bytes(const struct control_row *row, uint64_t value)
{
	return row->counts_bytes ? json_integer((json_int_t)value) : json_null();
}

static json_t *
make_json(const struct control_row *row, const struct view *view)
{
	char peer[ADDRESS_TEXT_MAX], id[32];

	roster_peer(row, peer);
	snprintf(id, sizeof(id), "%016" PRIx64, row->id);
	return json_pack("{ss ss ss sI sI ss sI sI sI sI so so}", "id", id, "peer", peer, "service",
		view_service(view, row->service), "worker", (json_int_t)row->worker, "generation",
		(json_int_t)row->generation, "state", roster_state(row), "age_ms",
		(json_int_t)row->age_ms, "quiet_ms", (json_int_t)row->quiet_ms, "requests",
		(json_int_t)row->requests, "in_flight", (json_int_t)row->in_flight,
		"received_bytes", bytes(row, row->received), "sent_bytes", bytes(row, row->sent));
}

static void
print_json(const struct roster *roster, const struct filter *filter, const struct view *view)
{
	json_t *list = json_array();

	for (size_t i = 0; i < roster->count; i++) {
		if (filter_takes(filter, &roster->rows[i], view))
			json_array_append_new(list, make_json(&roster->rows[i], view));
	}
	json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
}

static void
print_table(const struct roster *roster, const struct filter *filter, const struct view *view)
{
	printf("%-16s  %-12s %6s  %-7s %7s %7s %9s %6s %8s %8s  %s\n", "ID", "SERVICE", "WORKER",
		"STATE", "AGE", "QUIET", "REQUESTS", "FLIGHT", "IN", "OUT", "PEER");
	for (size_t i = 0; i < roster->count; i++) {
		if (filter_takes(filter, &roster->rows[i], view))
			print_row(&roster->rows[i], view);
	}
}

/* How often a connection has come to another worker. */
static uint64_t
count_moves(const struct view *view)
{
	const unsigned services = segment_service_count(&view->segment);
	uint64_t moves = 0;

	for (unsigned i = 0; i < services; i++)
		moves += value_of_counter(&view->segment, i, COUNTER_ARRIVED);
	return moves;
}

/*
 * One that goes from a worker that is still to list its own to one that has is seen by neither, but
 * by the next reading. A worker that ends meanwhile does not come to the end of its list.
 */
static int
read_rows(struct link *link, struct roster *roster, const struct view *view, struct error *error)
{
	const struct control_request request = { .command = CONTROL_CONNECTIONS };
	unsigned whole = 0;

	for (int tries = 0; tries < LIST_TRIES; tries++) {
		const uint64_t moves = count_moves(view);
		const int status = roster_read(roster, link, &request, error);

		if (status != EX_OK)
			return status;
		whole += roster->complete;
		if (roster->complete && (whole == LIST_READINGS || count_moves(view) == moves))
			return EX_OK;
		usleep(LIST_AGAIN_MS * 1000);
	}
	error_set(
		error, "a worker has not listed all its connections: too many ask it, or it ends");
	return EX_TEMPFAIL;
}

/* The names of services stand in the segment. */
static int
read_all(struct link *link, struct roster *roster, struct view *view, struct error *error)
{
	const int status = view_open(view, link, error);

	return status != EX_OK ? status : read_rows(link, roster, view, error);
}

int
connections_run(const struct options *options)
{
	struct roster roster = { 0 };
	struct view view = VIEW_NONE;
	struct filter filter;
	struct error error;
	struct link link;
	bool json = options->json;
	int status;

	filter_parse(&filter, options->words + 1, &json);
	status = link_open(&link, options, &error);
	if (status == EX_OK)
		status = read_all(&link, &roster, &view, &error);
	if (status != EX_OK)
		warnx("%s", error.text);
	else if (json)
		print_json(&roster, &filter, &view);
	else
		print_table(&roster, &filter, &view);
	roster_free(&roster);
	view_close(&view);
	link_close(&link);
	return status;
}

/* Returns an exit status; EX_TEMPFAIL: it is on its way. */
static int
kill_once(struct link *link, uint64_t id, struct error *error)
{
	const struct control_request request = { .command = CONTROL_KILL, .id = id };
	struct roster roster = { 0 };
	int status = roster_read(&roster, link, &request, error);

	if (status != EX_OK)
		return status;
	if (roster.count == 0 && !roster.complete) {
		error_set(error, "a worker does not say whether it has the connection: try again");
		status = EX_TEMPFAIL;
	} else if (roster.count == 0) {
		error_set(error, "no connection has the id %016" PRIx64, id);
		status = EX_DATAERR;
	} else if (roster.rows[0].state == CONTROL_MOVING) {
		error_set(error, "the connection is on its way to another worker: try again");
		status = EX_TEMPFAIL;
	}
	roster_free(&roster);
	return status;
}

static uint64_t
parse_id(const char *text)
{
	char *end;
	uint64_t id;

	errno = 0;
	id = strtoull(text, &end, 16);
	if (text[0] == '\0' || text[0] == '-' || *end != '\0' || errno != 0 || id == 0)
		arguments_refuse("kill: \"%s\" is no id: expected 16 hexadecimal digits, as "
				 "`preforkctl connections` shows",
			text);
	return id;
}

/* One that is just moving may be found nowhere, or where it can't be closed. */
static bool
may_be_moving(int status, int tries)
{
	return status == EX_TEMPFAIL || (status == EX_DATAERR && tries < 2);
}

int
kill_run(const struct options *options)
{
	struct error error;
	struct link link;
	uint64_t id;
	int status, tries = 0;

	if (options->count != 2)
		arguments_refuse("kill: expected the id of a connection");
	id = parse_id(options->words[1]);
	status = link_open(&link, options, &error);
	if (status == EX_OK)
		status = kill_once(&link, id, &error);
	while (may_be_moving(status, ++tries) && tries < KILL_TRIES) {
		usleep(KILL_AGAIN_MS * 1000);
		status = kill_once(&link, id, &error);
	}
	if (status != EX_OK)
		warnx("not closed: %s", error.text);
	else
		printf("closed: %016" PRIx64 "\n", id);
	link_close(&link);
	return status;
}
