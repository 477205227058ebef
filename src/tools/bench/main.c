/* preforkbench: loads a framed server and measures it. */
#include <config.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/fd.h"
#include "tools/bench/board.h"
#include "tools/bench/crew.h"
#include "tools/bench/json.h"
#include "tools/bench/options.h"
#include "tools/bench/percentiles.h"
#include "tools/bench/plan.h"
#include "tools/bench/result.h"
#include "tools/bench/summary.h"

/* Returns 0, or -1 with the reason. */
static int
print(const struct result *result, struct percentiles *percentiles, struct error *error)
{
	const struct options *options = result->plan->options;

	if (options->json)
		json_print(result, stdout);
	else if (!options->quiet)
		summary_print(result, stdout);
	if (fflush(stdout) != 0 || ferror(stdout))
		return error_errno(error, "cannot write standard output");
	return percentiles_write(percentiles, &result->sum->latency, error);
}

static void
warn_of_bottleneck(const struct result *result)
{
	const struct options *options = result->plan->options;

	if (result->bottleneck && !options->quiet)
		warnx("a thread of this program used %.0f %% of a CPU: it may be what limits the "
		      "results; use more --threads",
			result->share * 100);
}

static int
cannot_connect(const struct result *result, struct error *error)
{
	const struct options *options = result->plan->options;
	bool one = options->address_count == 1; /* else each may have had another reason */

	error_set(error, "cannot connect%s%s: %s", one ? " to " : "",
		one ? options->addresses[0] : "", strerror(result->sum->connect_errno));
	return EX_UNAVAILABLE;
}

/* Returns the exit status; the error is filled if it is none of 0 and 1. */
static int
report(const struct result *result, struct percentiles *percentiles, struct error *error)
{
	if (result->sum->opened == 0 && result->errors > 0)
		return cannot_connect(result, error);
	if (print(result, percentiles, error) != 0)
		return EX_SOFTWARE;
	warn_of_bottleneck(result);
	return result->errors > 0 || result->sum->requests == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
run_plan(const struct plan *plan, struct percentiles *percentiles, struct error *error)
{
	struct board *board = board_create(plan->workers, error);
	struct result result = { 0 };
	int status = EX_SOFTWARE;

	if (board != NULL && crew_run(plan, board, error) == 0) {
		if (result_make(&result, plan, board) == 0)
			status = report(&result, percentiles, error);
		else
			error_errno(error, "cannot add up the results");
	}
	result_free(&result);
	board_destroy(board);
	return status;
}

/* Returns the exit status; the error is filled if it is none of 0 and 1. */
static int
run(const struct plan *plan, struct error *error)
{
	struct percentiles percentiles;
	int status = EX_SOFTWARE;

	if (percentiles_open(&percentiles, plan->options->percentiles, error) == 0)
		status = run_plan(plan, &percentiles, error);
	percentiles_close(&percentiles);
	return status;
}

int
main(int argc, char **argv)
{
	struct options options;
	struct error error;
	struct plan plan;
	int status;

	signal(SIGPIPE, SIG_IGN);
	if (fd_open_standard() != 0)
		err(EX_SOFTWARE, "cannot open /dev/null");
	options_parse(&options, argc, argv);
	status = plan_make(&plan, &options, &error);
	if (status == 0)
		status = run(&plan, &error);
	if (status > EXIT_FAILURE)
		warnx("%s", error.text);
	plan_free(&plan);
	options_free(&options);
	return status;
}
