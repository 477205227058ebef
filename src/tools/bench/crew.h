/* The processes and threads of a run. */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include "base/compiler.h"
#include "base/error.h"
#include "tools/bench/board.h"
#include "tools/bench/plan.h"

/*
 * Runs the plan to its end, in processes of their own; what they count is on the board. Returns 0,
 * or -1 with the reason. From the process with one thread alone.
 */
PF_MUST_CHECK int crew_run(const struct plan *plan, struct board *board, struct error *error);

#endif
