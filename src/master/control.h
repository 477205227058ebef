/*
 * The control socket: preforkctl(8) connects to it and gives orders (commands.h). Who may is a
 * matter of the socket's mode, and of who it is: root, and whoever runs the server.
 */
#ifndef MASTER_CONTROL_H
#define MASTER_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "config/config.h"
#include "process/control.h"
#include "process/loop.h"

struct master;
struct reload_end;

/*
 * One who has connected.
 *
 *	ASKS --a request that takes its time--> WAITS --its end--> ASKS --end of file--> (gone)
 */
struct control_client {
	TAILQ_ENTRY(control_client) entry;
	struct control *control;
	int fd;
	struct event *event;
	unsigned waits; /* enum control_command whose end it waits for; 0: none */
	unsigned skip;  /* RELOAD: reloads that end before its own */
};

struct control {
	struct master *master;
	struct loop *loop;
	int fd; /* listens; -1: there is no control socket */
	struct event *event;
	char *path;
	dev_t device; /* of the name, so that nobody else's is removed */
	ino_t inode;
	TAILQ_HEAD(, control_client) clients;
	size_t count;
};

/* Prepares. No socket yet. */
void control_init(struct control *control, struct master *master, struct loop *loop);

/*
 * Binds what CONFIG names, if anything; LOCKED: a pid file is held, so that whoever still answers
 * there is not another server. Returns an exit status of sysexits(3), with the reason.
 */
PF_MUST_CHECK int control_open(
	struct control *control, const struct config *config, bool locked, struct error *error);

/*
 * Takes over the socket FD (-1: none) at PATH from the program that was before, and COUNT clients
 * that wait for the end of its upgrade. Returns 0, or -1 with the reason, and nothing is taken.
 */
PF_MUST_CHECK int control_adopt(struct control *control, const char *path, int fd,
	const int32_t *clients, size_t count, struct error *error);

/* Lists the clients that wait for the end of an upgrade. Returns how many of at most MOST. */
size_t control_list_waiting(const struct control *control, int32_t *fds, size_t most);

/* Closes everything and removes the name. */
void control_close(struct control *control);

/* A reply with what there always is to say. */
struct control_reply control_reply_of(const struct control *control);

/* Answers; FILES are lent. A client that does not take it is closed. */
void control_answer(struct control_client *client, const struct control_reply *reply,
	const int *files, size_t count);

/* Answers with STATUS of sysexits(3) and the reason. */
void control_refuse(struct control_client *client, int status, const char *reason);

/* What clients may wait for. */
void control_reload_ended(struct control *control, const struct reload_end *end);
void control_upgrade_failed(struct control *control, const char *reason);
void control_moved(struct control *control, uint32_t moved);

/* The program is about to be another one, which does not know who waits for moves. */
void control_leave_moves(struct control *control);

#endif
