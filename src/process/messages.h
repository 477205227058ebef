/*
 * Every message between master and children. Fixed size, typed, with a version; no text is parsed.
 */
#ifndef PROCESS_MESSAGES_H
#define PROCESS_MESSAGES_H

#include <stdint.h>

enum {
	MESSAGE_VERSION = 1,
	MESSAGE_REASON_MAX = 512,
};

enum message_type {
	/* child to master */
	MESSAGE_STARTING = 1, /* is about to load and start the module of a service: `service` */
	MESSAGE_READY,        /* started; a worker accepts when told */
	MESSAGE_FAILED,       /* cannot start, and exits: `reason` */
	MESSAGE_DRAINING,     /* a worker has stopped accepting */
	MESSAGE_DRAINED,      /* it has no connection left, and exits: `drained` */
	/* master to worker */
	MESSAGE_GO,    /* all are ready: accept */
	MESSAGE_DRAIN, /* stop accepting, finish what is under way, exit */
};

struct message {
	uint16_t version;
	uint16_t type;
	union {
		uint32_t service;                /* index in the configuration */
		char reason[MESSAGE_REASON_MAX]; /* terminated */
		struct {
			uint32_t closed; /* connections closed in order since the drain began */
			uint32_t cut;    /* closed at drain_timeout with work unfinished */
		} drained;
	};
};

#endif
