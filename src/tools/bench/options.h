/* The command line of preforkbench. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/bench/replies.h"
#include "tools/bench/schedule.h"
#include "tools/bench/sizes.h"
#include "tools/lib/framing.h"

enum options_live {
	LIVE_AUTO, /* if standard error is a terminal, and not with quiet */
	LIVE_ON,
	LIVE_OFF,
};

/* All strings are borrowed from the arguments of main. */
struct options {
	char *const *addresses; /* address_count of them */
	size_t address_count;
	struct framing framing;
	struct sizes sizes;
	const char *size_text; /* as given */
	enum replies_check check;
	uint64_t connections; /* of all threads */
	uint64_t idle;
	uint32_t pipeline;
	uint32_t threads; /* of each process */
	uint32_t processes;
	int64_t duration_ms;
	uint64_t requests; /* instead of the duration, if not 0 */
	int64_t warmup_ms;
	int64_t timeout_ms;
	uint64_t churn;           /* requests of a connection's life, or 0 */
	struct schedule schedule; /* rates alone */
	const char *sources;      /* a list of addresses with commas between, or NULL */
	const char *percentiles;  /* a path, or NULL */
	enum options_live live;
	bool json;
	bool quiet;
};

/* Reads the arguments. Ends the process after --help, --version and mistakes (EX_USAGE). */
void options_parse(struct options *options, int argc, char **argv);

void options_free(struct options *options);

#endif
