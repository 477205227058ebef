/* What a fuzzer is: libFuzzer drives it, or replay.c with inputs that are kept. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Aborts if DATA brings out something that must not be. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
