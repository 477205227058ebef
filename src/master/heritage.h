/*
 * What a master leaves to the program that is executed in its place: everything that it cannot make
 * anew. A record (process/record.h) in a file, and the descriptors that the record names, which
 * have the same numbers in the new program.
 *
 * Lists are the size of an element and then the elements, so that a later version can add to their
 * end. Numbers of descriptors are -1 for none.
 */
#ifndef MASTER_HERITAGE_H
#define MASTER_HERITAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"

struct heritage_numbers {
	int32_t generation;  /* that serves */
	int32_t generations; /* numbers given out */
	uint32_t seats;
	uint32_t next_socket;
	int32_t segment, segment_readonly; /* see segment_files */
	int32_t pid_file;
	int32_t inbox[2];
	int32_t config;    /* a file with the effective configuration */
	int32_t program;   /* the file that is executed again if nothing comes of it */
	uint32_t messages; /* see heritage_messages */
	uint64_t moved, closed, cut;
	int32_t former_segment, former_readonly;
	int32_t traces[2];
	int32_t control; /* the socket that preforkctl(8) connects to */
	int32_t reserved;
};

struct heritage_listener {
	struct sockaddr_storage asked, bound;
	uint32_t asked_size, bound_size;
	uint64_t device, inode;
	uint32_t reuse_port;
	uint32_t sockets; /* how many of the list of sockets are its, in order */
	uint32_t admin, lent;
};

struct heritage_socket {
	int32_t fd;
	uint32_t id;
};

struct heritage_child {
	int32_t pid;
	uint32_t slot; /* in its segment */
	int32_t number;
	int32_t generation;
	uint32_t state; /* enum child_state */
	int32_t channel;
	int64_t born_ms;
	int64_t drain_timeout_ms;
	uint32_t turns, retires, can_wait, gives, drained;
	uint32_t former; /* whether that is the former one */
	uint8_t adopted[CONFIG_WORKERS_MAX];
};

/* Read or to be written. Lists are owned. */
struct heritage {
	struct heritage_numbers numbers;
	struct heritage_listener *listeners;
	struct heritage_socket *sockets;
	struct heritage_child *children;
	int32_t *modules; /* files of the generation that serves, one a service */
	int32_t *clients; /* of the control socket, that wait for the end of this */
	size_t listener_count, socket_count, child_count, module_count, client_count;
};

/* What stands for the messages of this program, which workers of another one have to understand. */
uint32_t heritage_messages(void);

/* Writes it to a new file. Returns its descriptor, or -1 with the reason. */
int heritage_write(const struct heritage *heritage, struct error *error);

/*
 * Reads it from the file FD. Returns 0, or -1 with the reason, if it is of a version that this
 * program does not know, or makes no sense. heritage_free is to follow in any case.
 */
PF_MUST_CHECK int heritage_read(struct heritage *heritage, int fd, struct error *error);

void heritage_free(struct heritage *heritage);

/* Sets whether its descriptors are closed when a program is executed. Returns 0, or -1. */
PF_MUST_CHECK int heritage_set_cloexec(const struct heritage *heritage, bool on);

#endif
