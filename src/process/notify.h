/*
 * Telling the service manager that has started this process how it is, by sd_notify(3): datagrams
 * to the socket that the environment names. That protocol is documented as stable and as one that
 * anybody may speak, and it is a screenful; libsystemd for it would bring a dozen libraries into a
 * process that is root.
 *
 * The variables stay in the environment of the master, so that a program that is executed in its
 * place finds them; nobody else may have them.
 */
#ifndef PROCESS_NOTIFY_H
#define PROCESS_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/compiler.h"
#include "base/error.h"

struct notify {
	struct sockaddr_un address;
	socklen_t size;      /* of the address; 0: nobody wants to hear */
	int64_t watchdog_ms; /* within which it wants to hear WATCHDOG=1, time and again; 0: not */
};

/*
 * Whom the environment names. Returns 0, or -1 with an error if it names what is no address, and
 * then nobody wants to hear.
 */
PF_MUST_CHECK int notify_open(struct notify *notify, struct error *error);

/*
 * Sends LINES, each VARIABLE=VALUE, in one message, without waiting. Returns 0, also if nobody
 * wants to hear, or -1 with errno: EAGAIN if there is no room for it now.
 */
PF_MUST_CHECK int notify_send(const struct notify *notify, const char *lines);

/* This process is the service now, in the place of its parent. */
void notify_take_place(void);

/* This process does not speak for the service. */
void notify_forget(void);

#endif
