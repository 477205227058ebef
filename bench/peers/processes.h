/*
 * What the servers in C and C++ share: their arguments, a listening socket and a process for each
 * worker, and their end.
 */
#ifndef BENCH_PEERS_PROCESSES_H
#define BENCH_PEERS_PROCESSES_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Listens on 127.0.0.1:PORT and forks WORKERS processes that call WORK with their listening socket,
 * which is non-blocking and whose connections have TCP_NODELAY; arguments are PORT and WORKERS, the
 * last two. Each has a socket of its own (SO_REUSEPORT), or with SHARED all have the same. WORK
 * does not return. Waits for SIGTERM or SIGINT, or for the end of a worker, then ends the others
 * and exits: with 0, 64 (EX_USAGE) for wrong arguments, 70 (EX_SOFTWARE) if a worker ended or 71
 * (EX_OSERR).
 */
void processes_run(int argc, char **argv, bool shared, void (*work)(int listener))
	__attribute__((noreturn));

/* Ends the process with status 71 (EX_OSERR) after a line about WHAT failed, and errno. */
void processes_fail(const char *what) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#endif
