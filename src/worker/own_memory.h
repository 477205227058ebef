/* How much memory is this process's alone. */
#ifndef WORKER_OWN_MEMORY_H
#define WORKER_OWN_MEMORY_H

#include <stdint.h>

/* The file that tells, also after a chroot; -1 with errno. */
int own_memory_open(void);

/*
 * Bytes without files and what is shared; 0 if it cannot be told. That is one short read of counts
 * that the kernel has; smaps_rollup would walk all pages.
 */
int64_t own_memory(int statm);

#endif
