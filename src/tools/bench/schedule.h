/*
 * When requests are due, if they do not wait for replies: at a rate, or at one after the other for
 * equal times. Latency that counts from then on leaves out no request that a slow server has kept
 * from being sent: Gil Tene's correction of coordinated omission, as wrk2 does it. Pure.
 */
#ifndef BENCH_SCHEDULE_H
#define BENCH_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

enum {
	SCHEDULE_STEPS_MAX = 32,
};

struct schedule {
	size_t steps; /* 0: nothing is due, a closed loop */
	double rates[SCHEDULE_STEPS_MAX];
	int64_t ends_ns[SCHEDULE_STEPS_MAX]; /* of each step */
	double before[SCHEDULE_STEPS_MAX];   /* requests due before each step begins */
};

/* Lays out the steps whose rates, requests a second, are set: WARMUP_NS more for the first. */
void schedule_lay_out(struct schedule *schedule, int64_t warmup_ns, int64_t duration_ns);

/*
 * When request NUMBER, which counts from 0, is due: nanoseconds from the start. The last step has
 * no end.
 */
int64_t schedule_due_ns(const struct schedule *schedule, uint64_t number);

/* The step that a time falls into: nanoseconds from the start. */
size_t schedule_step(const struct schedule *schedule, int64_t time_ns);

#endif
