/* A thread that drives its share of the connections, from their first connect(2) to the end. */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include "base/compiler.h"
#include "base/error.h"
#include "tools/bench/board.h"
#include "tools/bench/plan.h"

struct worker;

/* Makes worker NUMBER of the plan's. Returns it, or NULL with the reason. */
struct worker *worker_open(
	const struct plan *plan, struct board *board, unsigned number, struct error *error);

/* Runs it to the end of the run. In its own thread. */
void worker_run(struct worker *worker);

void worker_close(struct worker **worker);

#endif
