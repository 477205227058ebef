/* How the run goes, on standard error while it lasts. */
#ifndef BENCH_LIVE_H
#define BENCH_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/bench/board.h"
#include "tools/bench/options.h"

struct live {
	bool on;
	bool is_terminal; /* one line, written over and over */
	uint64_t replies; /* up to the last time */
	int64_t shown_ns;
};

void live_init(struct live *live, const struct options *options);

/* Shows what is new since the last time. */
void live_show(struct live *live, const struct board *board);

/* Takes the line away. */
void live_end(const struct live *live);

#endif
