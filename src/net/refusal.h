/* Why a client was refused, before it had a connection. */
#ifndef NET_REFUSAL_H
#define NET_REFUSAL_H

enum refusal {
	REFUSAL_NONE,
	REFUSAL_DENIED,
	REFUSAL_NOT_ALLOWED,
	REFUSAL_FULL,
	REFUSAL_SERVICE_FULL,
	REFUSAL_ADDRESS_FULL,
	REFUSAL_NO_ROOM, /* for one more address */
	REFUSAL_NO_MEMORY,
	REFUSAL__COUNT
};

/* The option or the lack that refused it, for logs. */
const char *refusal_text(enum refusal refusal);

#endif
