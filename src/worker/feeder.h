/* Gives what waits in pipelines to handlers: on the loop, or in the pool as far as that has room.
 */
#ifndef WORKER_FEEDER_H
#define WORKER_FEEDER_H

#include "worker/pipeline.h"

/*
 * Dispatches what waits and may begin. When the queue that it needs is full, the pipeline waits for
 * room, or the request is shed, as the service says.
 */
void feeder_dispatch(struct pipeline *pipeline);

/* Goes on with those that wait for room in a queue, once it is less than half full. */
void feeder_relieve(struct sessions *sessions, enum config_priority priority);

#endif
