/* The result as people read it. */
#ifndef BENCH_SUMMARY_H
#define BENCH_SUMMARY_H

#include <stdio.h>

#include "tools/bench/result.h"

/* What cannot be written shows in ferror(3) of FILE. */
void summary_print(const struct result *result, FILE *file);

#endif
