/*
 * Every message between master and children. Fixed size, typed, with a version; no text is parsed.
 */
#ifndef PROCESS_MESSAGES_H
#define PROCESS_MESSAGES_H

#include <stdint.h>

#include "segment/layout.h"

enum {
	MESSAGE_VERSION = 1,
	MESSAGE_REASON_MAX = 512, /* bytes, with the end */
};

enum message_type {
	/* child to master */
	MESSAGE_STARTING = 1, /* is about to load and start the module of a service: `service` */
	MESSAGE_READY,        /* started; a worker accepts when told */
	MESSAGE_FAILED,       /* cannot start, and exits: `failed` */
	MESSAGE_RETIRE, /* a worker asks to be drained alone: somebody sent it TERM, handlers hang,
	                   or it has served enough: `retire` */
	MESSAGE_DECLINED, /* it has no descriptor free for one more socket: `listener` */
	MESSAGE_DRAINED,  /* it has no connection left, and exits: `drained` */
	MESSAGE_GIVEN,    /* what it was to give has gone, or stays: `given` */
	MESSAGE_SPANS,    /* from the admin process: what has become of spans: `spans` */
	/* master to worker */
	MESSAGE_GO,       /* all are ready: accept */
	MESSAGE_ACCEPT,   /* from one more socket, whose descriptor comes along: `listener` */
	MESSAGE_RELEASE,  /* close one of the sockets: `listener` */
	MESSAGE_SETTINGS, /* that are taken over at once; the log's descriptor comes along:
	                     `settings` */
	MESSAGE_DRAIN,    /* stop accepting, finish what is under way, exit: `drain`; with an inbox
	                     that comes along, connections go there */
	MESSAGE_INBOX,    /* to one that drains: another inbox comes along, or there is none more */
	MESSAGE_GIVE, /* give some connections, to the inbox that comes along, and serve on: `give`
	               */
	MESSAGE_TAKE, /* take connections from one more inbox, which comes along */
	MESSAGE_LIST, /* write rows of control.h to the socket that comes along: `list` */
};

struct message {
	uint16_t version;
	uint16_t type;
	union {
		uint32_t service; /* index in the configuration */
		struct {
			int32_t exit_status; /* of sysexits(3): whose fault it is */
			char reason[MESSAGE_REASON_MAX];
		} failed;
		struct {
			uint32_t can_wait; /* it serves until the next one does */
		} retire;
		struct {
			uint32_t socket;  /* its id */
			uint32_t service; /* ACCEPT: index in the configuration */
			uint32_t last;    /* RELEASE: nobody else takes what the kernel has */
		} listener;
		struct {
			uint32_t passed; /* else it is standard error, which the worker has */
			uint32_t kind;   /* enum sink_kind */
			uint32_t format;
			uint32_t level;
			int64_t requests;         /* as in struct config, as the next ones */
			int64_t drain_timeout_ms; /* should the master go */
			int64_t slow_ms;
			int64_t sample;
			uint32_t traces; /* there are any */
		} settings;
		struct {
			uint32_t all; /* every worker does: nobody else takes what the kernel has */
			uint32_t passed; /* an inbox comes along */
			int64_t timeout_ms;
		} drain;
		struct {
			uint32_t passed; /* as above */
		} inbox;
		struct {
			uint32_t moved; /* connections that other workers have since the drain began
			                 */
			uint32_t closed; /* closed in order */
			uint32_t cut;    /* closed at drain_timeout with work unfinished */
		} drained;
		struct {
			uint32_t count; /* connections, at most */
			uint32_t reserved;
			int64_t timeout_ms; /* then those that are busy still stay */
		} give;
		struct {
			uint32_t moved; /* connections */
		} given;
		struct {
			uint64_t kill; /* the id of a connection, which is closed; 0: list them all
			                */
		} list;
		struct {
			uint32_t exported; /* since it said so last */
			uint32_t dropped[SPANS__COUNT];
		} spans;
	};
};

#endif
