/*
 * What a load balancer asks before it sends clients: HAProxy's agent-check. Whoever connects gets a
 * line, `up ready 75%` with the share of max_connections that is free, or `drain`, and is closed.
 */
#ifndef ADMIN_AGENT_H
#define ADMIN_AGENT_H

#include "base/compiler.h"
#include "base/error.h"
#include "process/inheritance.h"
#include "process/loop.h"

struct agent;

/* Answers on the inherited listeners of the agent, which it takes. NULL with the reason. */
struct agent *agent_open(struct loop *loop, const struct inheritance *inheritance,
	struct error *error) PF_MUST_CHECK;

/* Ends all that is under way. NULL is accepted. */
void agent_close(struct agent **agent);

#endif
