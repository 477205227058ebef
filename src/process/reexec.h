/*
 * Executing a program in the place of this one: how it was called, and what it finds in the
 * environment besides. Descriptors that are to stay open must not be close-on-exec.
 */
#ifndef PROCESS_REEXEC_H
#define PROCESS_REEXEC_H

#include <stdbool.h>

#include "base/compiler.h"

enum {
	REEXEC_PASSED =
		100, /* exit status of a check that found nothing: others say 0 to anything */
};

/* Why a program was executed by another master. */
enum reexec {
	REEXEC_NOT,
	REEXEC_CHECK,  /* it is asked whether it could adopt what that one has */
	REEXEC_ADOPT,  /* it adopts that */
	REEXEC_RETURN, /* the same, for the one that was to adopt it could not */
};

/* What the environment says. */
struct reexec_call {
	enum reexec why;
	int fd;             /* of the heritage: see heritage.h; -1: none */
	const char *reason; /* REEXEC_RETURN */
};

/* First of all, before anything else looks at ARGV: keeps it, and takes *CALL out of the
 * environment. */
void reexec_init(int argc, char *argv[], struct reexec_call *call);

/* The path of the program's file, as it was when the first one was executed; NULL: unknown. */
const char *reexec_path(void);

/*
 * Executes the file PROGRAM (a descriptor) with the arguments of this process, and -t in a check.
 * FD and REASON: as in struct reexec_call. Returns -1 with errno.
 */
int reexec(int program, enum reexec why, int fd, const char *reason);

#endif
