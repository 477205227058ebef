/* The result as one object of JSON (RFC 8259) on a line. */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdio.h>

#include "tools/bench/result.h"

/* What cannot be written shows in ferror(3) of FILE. */
void json_print(const struct result *result, FILE *file);

#endif
