/*
 * What a thread of the pool runs: it takes jobs from the queues, has their handlers called and
 * posts them to the loop. Of pool.c, which is what the loop calls; nobody else includes this.
 */
#ifndef DISPATCH_POOL_THREAD_H
#define DISPATCH_POOL_THREAD_H

#include <stdbool.h>

#include "dispatch/pool.h"
#include "dispatch/service.h"

/* Handlers that take no longer share the price of what is done between two. */
enum {
	POOL_CHEAP_NS = 2000,
};

/* Loop and threads. */
static inline bool
pool_job_is_cheap(const struct job *job)
{
	return service_handler_ns(job->service) <= POOL_CHEAP_NS;
}

/* The start routine: ARG is the pool, where the thread is counted as alive until it returns. */
void *pool_thread_main(void *arg);

#endif
