#include <config.h>

#include "tools/bench/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

void
live_init(struct live *live, const struct options *options)
{
	bool is_terminal = isatty(STDERR_FILENO) == 1;

	*live = (struct live){
		.on = options->live == LIVE_ON ||
			(options->live == LIVE_AUTO && is_terminal && !options->quiet),
		.is_terminal = is_terminal,
		.shown_ns = clock_monotonic_ns(),
	};
}

static void
show_setup(const struct board *board)
{
	unsigned ready = board->ready;

	fprintf(stderr, "connecting: %u of %u threads are ready", ready, board->tally_count);
}

static void
show_replies(struct live *live, const struct board *board, int64_t begin_ns)
{
	static const double second_ns = 1e9;
	uint64_t replies = board_replies(board), errors = board_errors(board);
	int64_t now_ns = clock_monotonic_ns();
	double passed_s = (double)(now_ns - live->shown_ns) / second_ns;

	fprintf(stderr, "%.1f s: %.0f requests/s, %" PRIu64 " in all, %" PRIu64 " errors",
		(double)(now_ns - begin_ns) / second_ns,
		passed_s > 0 ? (double)(replies - live->replies) / passed_s : 0, replies, errors);
	live->replies = replies;
	live->shown_ns = now_ns;
}

void
live_show(struct live *live, const struct board *board)
{
	int64_t begin_ns = board->begin_ns;

	if (!live->on)
		return;
	if (begin_ns == 0)
		show_setup(board);
	else
		show_replies(live, board, begin_ns);
	fputs(live->is_terminal ? "\033[K\r" : "\n", stderr); /* to the end of the line, ECMA-48 */
}

void
live_end(const struct live *live)
{
	if (live->on && live->is_terminal)
		fputs("\033[K", stderr);
}
