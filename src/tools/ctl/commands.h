/* The commands of preforkctl(8). Each returns an exit status, and has said why if it is not 0. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "tools/ctl/options.h"

int status_run(const struct options *options);
int top_run(const struct options *options);
int connections_run(const struct options *options);
int check_run(const struct options *options);

/* The orders: see orders.c. */
int reload_run(const struct options *options);
int upgrade_run(const struct options *options);
int workers_run(const struct options *options);
int move_run(const struct options *options);
int rebalance_run(const struct options *options);
int kill_run(const struct options *options);
int log_level_run(const struct options *options);
int drain_run(const struct options *options);
int stop_run(const struct options *options);

#endif
