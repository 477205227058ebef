/*
 * What stands in the shared memory, byte by byte. A protocol: another version of preforkd may read
 * it, so the head and the first 64 bytes of a slot never change, and the rest only with LAYOUT.
 *
 * Who writes: the head, the master before it forks (slots_used and services also later). A slot,
 * the worker that holds it while that lives; the master from waitpid(2) to the next fork. Everybody
 * reads. Every word that two processes see is atomic and lock-free.
 */
#ifndef SEGMENT_LAYOUT_H
#define SEGMENT_LAYOUT_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_MAGIC UINT64_C(0x64726b6665727000) /* "\0prefkrd" in memory */

enum {
#ifdef SEGMENT_TEST_LAYOUT /* another program for tests: a larger segment */
	SEGMENT_LAYOUT = SEGMENT_TEST_LAYOUT,
	SEGMENT_SLOTS = 300,
	SEGMENT_ADDRESSES = 131072,
#else
	SEGMENT_LAYOUT = 3,
	SEGMENT_SLOTS = 256,
	SEGMENT_ADDRESSES = 65536, /* a slot's: 10,000 clients of a worker hardly fill a bucket */
#endif
	SEGMENT_FORMER_SLOTS = 1024, /* of another layout, at most */
	SEGMENT_COUNTERS = 256,      /* of a service in a slot: see counters.h */
	SEGMENT_HISTOGRAM = 25,      /* a sum and buckets: see counters.h */
	SEGMENT_PRIORITIES = 3,
	SEGMENT_RELOADS = 16, /* the last ones are remembered */
	SEGMENT_REASON = 384, /* bytes of why one failed */
	SEGMENT_SERVICES = 64,
	SEGMENT_NAME_SIZE = 64,
	SEGMENT_PAGE = 4096,
	SEGMENT_BUCKET = 8, /* addresses that share a bucket: a cache line of words */
};

enum slot_state {
	SLOT_FREE,     /* nobody's: its counts are zero */
	SLOT_STARTING, /* claimed by the master for a child that is not ready */
	SLOT_READY,
	SLOT_DRAINING,
};

/* Where the server as a whole is. */
enum segment_state {
	SEGMENT_STARTING,
	SEGMENT_RUNNING,
	SEGMENT_ENDING,
};

/* Why a worker was replaced. */
enum segment_restart {
	RESTART_EXIT,     /* it ended by itself, with an error */
	RESTART_SIGNAL,   /* it crashed, or was killed */
	RESTART_WATCHDOG, /* its loop stood still */
	RESTART_RETIRED,  /* it had served enough, or got TERM */
	RESTART_START,    /* it could not start */
	RESTART__COUNT
};

/* How a reload went: see reloads.h. */
struct segment_reload {
	_Atomic uint64_t number; /* from 1; 0: none, or it is being written */
	_Atomic uint64_t at_s;   /* CLOCK_REALTIME */
	_Atomic uint32_t generation;
	_Atomic uint32_t ok;
	_Atomic uint64_t reason[SEGMENT_REASON / 8]; /* text */
};

/* Why a span never came to where spans go. */
enum segment_spans {
	SPANS_CHANNEL,     /* a worker could not hand it over: see COUNTER_SPANS_LOST */
	SPANS_QUEUE,       /* too many waited for the collector */
	SPANS_UNREACHABLE, /* the collector did not take it, or not in time */
	SPANS_REJECTED,    /* the collector refused it */
	SPANS_MALFORMED,   /* it made no sense */
	SPANS__COUNT
};

/* What the master alone knows. Counters only grow. */
struct segment_master {
	_Atomic uint64_t started_s; /* CLOCK_REALTIME */
	_Atomic uint64_t loaded_s;  /* when the configuration in use came into use */
	_Atomic uint64_t reloads;
	_Atomic uint64_t reloads_failed;
	_Atomic uint64_t restarts[RESTART__COUNT];
	_Atomic uint32_t worker_restarts[SEGMENT_SLOTS]; /* the same by number, from worker 1 on */
	struct segment_reload history[SEGMENT_RELOADS];
	_Atomic uint32_t state;      /* enum segment_state */
	_Atomic uint32_t generation; /* that serves */
	_Atomic uint32_t workers;    /* that it is to have */
	_Atomic uint32_t max_connections;
	_Atomic uint64_t spans_exported;
	_Atomic uint64_t spans_dropped[SPANS__COUNT];
	_Atomic uint32_t pid; /* the master's */
};

struct segment_head {
	uint64_t magic;
	uint32_t layout;
	uint32_t size; /* of the whole segment, bytes */
	uint32_t slot_offset;
	uint32_t slot_size;
	uint32_t slot_count;
	_Atomic uint32_t slots_used; /* slots from here on were never claimed: bounds every sum */
	/* The frozen part ends here. */
	char services[SEGMENT_SERVICES]
		     [SEGMENT_NAME_SIZE]; /* id -> name; one that has served keeps its */
	uint64_t address_key[2];          /* drawn at random, so that nobody can aim at a bucket */
	struct segment_master master;
};

struct slot {
	_Alignas(SEGMENT_PAGE) _Atomic uint32_t state;
	_Atomic uint32_t generation;
	_Atomic uint32_t pid;
	_Atomic uint32_t admitted; /* connections that hold a place here */
	_Atomic int64_t tick_ms;   /* CLOCK_MONOTONIC, when its loop last turned */
	_Atomic uint64_t released; /* places of connections given back, ever */
	uint8_t reserved[32];
	/* The frozen part ends here. */
	_Atomic uint32_t service_admitted[SEGMENT_SERVICES];
	_Atomic uint64_t id_stamp; /* the last one used for connection ids: see ids.h */
	_Atomic uint64_t accepted[SEGMENT_SERVICES][2]; /* in two seconds: see accept_rate.h */
	_Atomic uint64_t addresses_refused;             /* for want of room in a bucket, ever */
	_Atomic uint32_t moving;  /* connections on their way to other workers, or that end */
	_Atomic uint32_t pausing; /* it takes no connections for now, for want of resources */
	_Atomic uint32_t number;  /* of its worker, from 1 */
	_Atomic uint32_t queued[SEGMENT_PRIORITIES]; /* messages that wait for the pool */
	_Atomic uint32_t busy;                       /* threads of the pool that have a job */
	_Atomic uint32_t descriptors;                /* open; 0: unknown */
	_Atomic uint64_t memory;                     /* its own, bytes; 0: unknown */
	_Atomic uint64_t lag[SEGMENT_HISTOGRAM];     /* how late the loop was, ever */
	_Alignas(SEGMENT_PAGE) _Atomic uint64_t counters[SEGMENT_SERVICES][SEGMENT_COUNTERS];
	_Alignas(SEGMENT_PAGE) _Atomic uint64_t addresses[SEGMENT_ADDRESSES]; /* addresses.h */
};

static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "atomics without locks");
static_assert(offsetof(struct segment_head, slots_used) == 28, "frozen");
static_assert(offsetof(struct slot, admitted) == 12, "frozen");
static_assert(offsetof(struct slot, tick_ms) == 16, "frozen");
static_assert(offsetof(struct slot, released) == 24, "frozen");
static_assert(offsetof(struct slot, service_admitted) == 64, "frozen");
static_assert(sizeof(struct slot) % SEGMENT_PAGE == 0, "slots are mapped one by one");

#endif
