/*
 * A message on its way to a module and back.
 *
 *	WAITING --job--> QUEUED (or runs in the pool) --handled--> DONE --sent--> (free)
 *	   |                |  ^--taken back: WAITING       |         ^
 *	   |                +--handled, kept--> KEPT -------+---------+
 *	   +--inline: DONE or KEPT; or answered by a notice: DONE
 *
 * The state is the loop's. While a request is with a job, its handler and its reply belong to the
 * thread that has the job; while it is kept, to the module, until it is over.
 */
#ifndef DISPATCH_REQUEST_H
#define DISPATCH_REQUEST_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <prefork/module.h>

#include "dispatch/completion.h"
#include "dispatch/payload.h"
#include "dispatch/reply.h"
#include "dispatch/request_result.h"
#include "dispatch/service.h"
#include "dispatch/trace.h"

struct job;

enum request_state {
	REQUEST_WAITING, /* not dispatched */
	REQUEST_QUEUED,  /* with a job of the pool */
	REQUEST_KEPT,    /* its handler has returned; the module will answer */
	REQUEST_DONE,    /* it has its reply, or gets none */
};

/* Bits of `progress`, of a request that is kept: what has happened, in any order. */
enum {
	REQUEST_RETURNED = 1, /* its handler has returned */
	REQUEST_OVER = 2,     /* it was answered or dropped */
	REQUEST_LATE = 4,     /* its client has had another reply */
	REQUEST_GONE = 8,     /* its client is gone */
};

TAILQ_HEAD(request_list, request);

enum {
	REQUEST_ALIGNMENT = 64, /* bytes: a cache line of most processors */
};

/* What each one needs stands together: processors have to fetch it from one another. */
struct request {
	alignas(REQUEST_ALIGNMENT) struct pf_request public; /* what the module sees */
	struct service *service;
	/* How a reply goes: at once, or recorded. Returns an enum pf_error. */
	int (*send)(struct request *request, const struct pf_span *parts, size_t count);
	_Atomic unsigned progress;
	/* Whose it is: its handler's, then the loop's, or the module's while it is kept. */
	uint8_t result;  /* enum request_result */
	uint8_t verdict; /* enum pf_verdict */
	bool answered;
	bool kept;
	bool pending; /* kept, and not over when its handler returned */
	/* The loop's. */
	bool measured;    /* its times are taken, and `trace` counts */
	uint8_t state;    /* enum request_state */
	uint8_t end;      /* enum wire_end: how its reply ends, if that is a line */
	uint8_t priority; /* enum config_priority, once routed */
	bool routed : 1;
	bool is_inline : 1;         /* once routed */
	bool came_back : 1;         /* pending, and posted since */
	bool detached : 1;          /* its pipeline has given it up: it is freed when it is back */
	bool overdue : 1;           /* for kept.c */
	TAILQ_ENTRY(request) entry; /* in its pipeline; or among spare ones */
	struct job *job;            /* QUEUED */
	struct payload *payload;    /* where the message is; NULL: in the loop's buffer */
	uint64_t connection;        /* its id */
	struct reply reply;
	/* Filled only when need be. */
	int64_t framed_us, begun_us, ended_us; /* `measured`: monotonic; 0: not yet */
	struct trace trace;                    /* `measured`; constant while others have it */
	struct post post;                      /* kept and over */
	TAILQ_ENTRY(request) kept_entry;       /* KEPT: among its like */
	int64_t kept_ms;                       /* KEPT: since when */
};
static_assert(offsetof(struct request, reply.parts[1]) <= (size_t)3 * REQUEST_ALIGNMENT,
	"three cache lines do for a simple one");

/* From now on its times are taken; it belongs to TRACE. */
void request_measure(struct request *request, int64_t framed_us, const struct trace *trace);

/* Says where it is to be handled. Loop; no handler of its connection may run, unless concurrent. */
void request_route(struct request *request);

/* For request_run. */
void request_run_measured(struct request *request);

static inline void
request_call(struct request *request)
{
	request->verdict = (uint8_t)request->service->module.message(&request->public);
	if (unlikely(request->kept))
		request->pending =
			(atomic_fetch_or(&request->progress, REQUEST_RETURNED) & REQUEST_OVER) == 0;
}

/*
 * Runs its handler, and takes the time, if anybody wants to know it. On the thread that it was
 * routed to.
 */
static inline void
request_run(struct request *request)
{
	if (unlikely(request->measured))
		request_run_measured(request);
	else
		request_call(request);
}

/* A `send` that records the reply. */
int request_record(struct request *request, const struct pf_span *parts, size_t count);

/*
 * Answers it in the module's stead, with WHICH of its notices: it is done. Loop. Returns 0, or -1
 * without memory, and then its connection has to end: the client would miss a reply.
 */
PF_MUST_CHECK int request_answer_notice(struct request *request, enum pf_notice which);

/* A kept request is over: posts it, if its handler has returned. The module's thread. */
void request_end_kept(struct request *request);

#endif
