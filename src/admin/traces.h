/* Traces: takes what workers say of requests, and has it exported. */
#ifndef ADMIN_TRACES_H
#define ADMIN_TRACES_H

#include "base/compiler.h"
#include "base/error.h"
#include "process/channel.h"
#include "process/inheritance.h"
#include "process/loop.h"

struct traces;

/*
 * What has become of spans is told to the master by CHANNEL; FINISHED is called after
 * traces_finish. Borrows all. NULL with the reason.
 */
struct traces *traces_open(struct loop *loop, const struct inheritance *inheritance,
	const struct channel *channel, void (*finished)(void *arg), void *arg, struct error *error)
	PF_MUST_CHECK;

/* NULL is accepted. */
void traces_close(struct traces **traces);

/* Exports what there is, and takes a moment for it at most. */
void traces_finish(struct traces *traces);

#endif
