/* What the server does, live, until `q`: a line for each worker with a bar, sorted as one likes. */
#include <config.h>

#include <err.h>
#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <curses.h>

#include "base/compiler.h"
#include "tools/ctl/commands.h"
#include "tools/ctl/sheet.h"
#include "tools/ctl/text.h"
#include "tools/lib/arguments.h"

enum {
	PERIOD_MS = 1000,
	BAR_MAX = 24,
	LINE_WIDTH = 72, /* of a worker, without its bar */
};

struct top {
	struct link link;
	struct view view;
	struct sheet sheets[2];
	int latest; /* of them */
	size_t order;
	int from; /* the first worker that is shown */
};

static double
connections(const struct worker_line *line)
{
	return (double)line->connections;
}

static double
rate(const struct worker_line *line)
{
	return line->rate;
}

static double
queued(const struct worker_line *line)
{
	return (double)line->queued;
}

static double
memory(const struct worker_line *line)
{
	return (double)line->memory;
}

/* What lines are sorted by, the largest first, and bars show; the key that asks for it. */
static const struct order {
	int key;
	const char *word;
	double (*value)(const struct worker_line *line); /* NULL: their numbers */
} orders[] = {
	{ 'w', "worker", NULL },
	{ 'c', "connections", connections },
	{ 'r', "requests", rate },
	{ 'u', "queue", queued },
	{ 'm', "memory", memory },
};

/* The newest generation first. */
static int
by_number(const void *a, const void *b)
{
	const struct worker_line *x = a, *y = b;

	if (x->generation != y->generation)
		return x->generation > y->generation ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int
by_value(const void *a, const void *b, void *order)
{
	const double x = ((const struct order *)order)->value(a);
	const double y = ((const struct order *)order)->value(b);

	return x != y ? (x > y ? -1 : 1) : by_number(a, b);
}

static void
sort(const struct order *order, struct sheet *sheet)
{
	if (order->value != NULL)
		qsort_r(sheet->workers, sheet->worker_count, sizeof(sheet->workers[0]), by_value,
			(void *)(uintptr_t)order);
	else
		qsort(sheet->workers, sheet->worker_count, sizeof(sheet->workers[0]), by_number);
}

/* Of the most that a worker has. */
static double
share(const struct order *order, const struct worker_line *line, const struct sheet *sheet)
{
	double (*value)(const struct worker_line *) =
		order->value != NULL ? order->value : connections;
	double most = 0;

	for (size_t i = 0; i < sheet->worker_count; i++)
		most = MAX(most, value(&sheet->workers[i]));
	return most > 0 ? value(line) / most : 0;
}

/* What does not fit into its line is cut off. */
PF_PRINTF(2, 3)
static void
draw_line(int row, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	mvaddnstr(row, 0, text, COLS);
}

static void
draw_server(const struct top *top, const struct sheet *sheet)
{
	const int64_t now_s = (int64_t)time(NULL);
	char up[TEXT_MAX], per_second[TEXT_MAX];
	double requests = 0;

	for (size_t i = 0; i < sheet->service_count; i++)
		requests += sheet->services[i].rate;
	text_duration((now_s - (int64_t)sheet->started_s) * 1000, up);
	text_count(requests, per_second);
	draw_line(0, "preforkd %s, process %" PRId32 ", %s for %s, generation %" PRIu32,
		top->view.server.program, top->view.server.pid, segment_state_text(sheet->state),
		up, top->view.server.generation);
	draw_line(1,
		"connections %" PRIu64 " of %" PRIu64 "; %s requests/s; replaced %" PRIu64
		"; reloads %" PRIu64 ", failed %" PRIu64,
		sheet->connections, sheet->max_connections, per_second, sheet->restarts,
		sheet->reloads, sheet->reloads_failed);
}

static int
draw_services(const struct sheet *sheet, int row)
{
	attron(A_REVERSE);
	draw_line(row++, "%-16s %8s %9s %9s %8s %8s %8s", "SERVICE", "CONNS", "REQ/S", "REFUSED",
		"FAILED", "P50", "P99");
	attroff(A_REVERSE);
	for (size_t i = 0; i < sheet->service_count && row < LINES / 2; i++) {
		const struct service_line *line = &sheet->services[i];
		char per_second[TEXT_MAX], median[TEXT_MAX], p99[TEXT_MAX];

		text_count(line->rate, per_second);
		text_fine_duration(
			line->times.count > 0, value_quantile_ns(&line->times, 0.5), median);
		text_fine_duration(
			line->times.count > 0, value_quantile_ns(&line->times, 0.99), p99);
		draw_line(row++, "%-16.16s %8" PRIu64 " %9s %9" PRIu64 " %8" PRIu64 " %8s %8s",
			line->name, line->connections, per_second, line->refused, line->failed,
			median, p99);
	}
	return row + 1;
}

static void
draw_bar(double part)
{
	const int room = MIN(COLS - LINE_WIDTH - 1, BAR_MAX);

	if (room < 4)
		return;
	addch(' ');
	for (int i = 0; i < room; i++)
		addch(i < (int)(part * room + 0.5) ? '#' : '.');
}

static void
draw_worker(const struct top *top, const struct worker_line *line, int row)
{
	const struct sheet *sheet = &top->sheets[top->latest];
	char per_second[TEXT_MAX], bytes[TEXT_MAX];

	text_count(line->rate, per_second);
	text_bytes(line->memory > 0, line->memory, bytes);
	if (line->state != SLOT_READY)
		attron(A_DIM);
	draw_line(row,
		"%6" PRIu32 " %5" PRIu32 " %8" PRIu32 "  %-8s %8" PRIu64 " %9s %6" PRIu64
		" %5" PRIu64 " %7s",
		line->number, line->generation, line->pid, segment_slot_state_text(line->state),
		line->connections, per_second, line->queued, line->busy, bytes);
	draw_bar(share(&orders[top->order], line, sheet));
	attroff(A_DIM);
}

static void
draw_workers(struct top *top, struct sheet *sheet, int row)
{
	const int count = (int)sheet->worker_count;

	sort(&orders[top->order], sheet);
	attron(A_REVERSE);
	draw_line(row++, "%6s %5s %8s  %-8s %8s %9s %6s %5s %7s", "WORKER", "GEN", "PID", "STATE",
		"CONNS", "REQ/S", "QUEUE", "BUSY", "MEMORY");
	attroff(A_REVERSE);
	top->from = MAX(0, MIN(top->from, count - (LINES - 1 - row)));
	for (int i = top->from; i < count && row < LINES - 1; i++)
		draw_worker(top, &sheet->workers[i], row++);
}

static void
draw_help(const struct top *top)
{
	move(LINES - 1, 0);
	for (size_t i = 0; i < countof(orders); i++) {
		if (i == top->order)
			attron(A_BOLD);
		printw("%c %s  ", orders[i].key, orders[i].word);
		attroff(A_BOLD);
	}
	printw("arrows scroll  q quits");
}

static void
draw(struct top *top)
{
	struct sheet *sheet = &top->sheets[top->latest];

	erase();
	draw_server(top, sheet);
	draw_workers(top, sheet, draw_services(sheet, 3));
	draw_help(top);
	refresh();
}

/* Returns whether it goes on. */
static bool
take_key(struct top *top, int key)
{
	for (size_t i = 0; i < countof(orders); i++) {
		if (orders[i].key == key)
			top->order = i;
	}
	if (key == KEY_DOWN)
		top->from++;
	else if (key == KEY_UP)
		top->from--;
	return key != 'q';
}

/* The server says something, which is that it is gone, or a key was pressed, or it is time. */
static bool
wait_for_change(struct top *top, bool *gone)
{
	struct pollfd ready[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = top->link.fd, .events = POLLIN },
	};
	int key;

	poll(ready, countof(ready), PERIOD_MS);
	*gone = ready[1].revents != 0;
	while ((key = getch()) != ERR) {
		if (!take_key(top, key))
			return false;
	}
	return (ready[0].revents & (POLLHUP | POLLERR)) == 0;
}

static void
look(struct top *top)
{
	const int former = top->latest;

	top->latest = !former;
	sheet_take(&top->sheets[top->latest], &top->view, &top->sheets[former]);
}

/* After an upgrade or a restart there may be another segment: it is asked for again. */
static int
ask_again(struct top *top, const struct options *options, struct error *error)
{
	int status;

	view_close(&top->view);
	link_close(&top->link);
	status = link_open(&top->link, options, error);
	return status != EX_OK ? status : view_open(&top->view, &top->link, error);
}

static int
show(struct top *top, const struct options *options, struct error *error)
{
	int status = EX_OK;
	bool gone;

	sheet_take(&top->sheets[0], &top->view, NULL);
	draw(top);
	while (status == EX_OK && wait_for_change(top, &gone)) {
		if (gone)
			status = ask_again(top, options, error);
		if (status != EX_OK)
			break;
		look(top);
		draw(top);
	}
	return status;
}

static int
open_screen(struct error *error)
{
	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		error_set(error, "top needs a terminal: `preforkctl status` does not");
		return EX_USAGE;
	}
	setlocale(LC_ALL, "");
	if (newterm(NULL, stdout, stdin) == NULL) {
		error_set(error, "this terminal (TERM) is not known");
		return EX_UNAVAILABLE;
	}
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	return EX_OK;
}

int
top_run(const struct options *options)
{
	struct top *top = calloc(1, sizeof(*top));
	struct error error;
	int status;

	if (options->count > 1)
		arguments_refuse("top: expected no argument");
	if (top == NULL)
		err(EX_OSERR, "cannot keep what is to be shown");
	top->view = VIEW_NONE;
	status = link_open(&top->link, options, &error);
	if (status == EX_OK)
		status = view_open(&top->view, &top->link, &error);
	if (status == EX_OK)
		status = open_screen(&error);
	if (status == EX_OK) {
		status = show(top, options, &error);
		endwin();
	}
	if (status != EX_OK)
		warnx("%s", error.text);
	view_close(&top->view);
	link_close(&top->link);
	free(top);
	return status;
}
