#include <config.h>

#include "master/control.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/address.h"
#include "base/fd.h"
#include "base/log.h"
#include "config/place.h"
#include "master/commands.h"
#include "master/generation.h"
#include "master/state.h"
#include "net/unix_socket.h"

enum {
	CLIENTS_MAX = 16,
	BACKLOG = 16,
	IDLE_S = 10, /* for a client that asks for nothing */
};

void
control_init(struct control *control, struct master *master, struct loop *loop)
{
	*control = (struct control){
		.master = master,
		.loop = loop,
		.fd = -1,
		.clients = TAILQ_HEAD_INITIALIZER(control->clients),
	};
}

static void
close_client(struct control_client *client)
{
	struct control *control = client->control;

	TAILQ_REMOVE(&control->clients, client, entry);
	control->count--;
	if (client->event != NULL)
		event_free(client->event);
	fd_close(&client->fd);
	free(client);
}

struct control_reply
control_reply_of(const struct control *control)
{
	const struct supervisor *supervisor = &control->master->supervisor;
	struct control_reply reply = {
		.version = CONTROL_VERSION,
		.pid = getpid(),
		.layout = SEGMENT_LAYOUT,
	};

	strlcpy(reply.program, PACKAGE_VERSION, sizeof(reply.program));
	if (supervisor->serving != NULL) {
		reply.generation = (uint32_t)supervisor->serving->number;
		reply.workers = (uint32_t)supervisor->serving->seat_count;
	}
	return reply;
}

/* One that cannot be sent its reply finds out by the end of file. */
void
control_answer(struct control_client *client, const struct control_reply *reply, const int *files,
	size_t count)
{
	struct control_reply sent = *reply;

	sent.files = (uint16_t)count;
	client->waits = 0;
	if (control_send(client->fd, &sent, sizeof(sent), files, count) != 0)
		shutdown(client->fd, SHUT_RDWR);
}

void
control_refuse(struct control_client *client, int status, const char *reason)
{
	struct control_reply reply = control_reply_of(client->control);

	reply.status = status;
	strlcpy(reply.text, reason, sizeof(reply.text));
	control_answer(client, &reply, NULL, 0);
}

static bool
is_allowed(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
		(peer.uid == 0 || peer.uid == geteuid());
}

static void
request(struct control_client *client)
{
	struct control_request request;
	int files[CONTROL_FILES_MAX];
	const ssize_t got = control_receive(client->fd, &request, sizeof(request), files);

	for (size_t i = 0; i < CONTROL_FILES_MAX; i++)
		fd_close(&files[i]);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || client->waits != 0)
		close_client(client);
	else if (got != (ssize_t)sizeof(request) || request.version != CONTROL_VERSION)
		control_refuse(client, EX_PROTOCOL,
			"the server does not understand it: it is of another version");
	else if (!is_allowed(client->fd))
		control_refuse(client, EX_NOPERM, "only root and who runs the server may");
	else
		commands_run(client, &request);
}

static void
on_request(int fd PF_UNUSED, short what, void *arg)
{
	struct control_client *client = arg;

	if ((what & EV_READ) != 0)
		request(client);
	else if (client->waits == 0)
		close_client(client);
}

/* Takes FD. */
static void
add_client(struct control *control, int fd, unsigned waits)
{
	const struct timeval idle = { .tv_sec = IDLE_S };
	struct control_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		close(fd);
		return;
	}
	*client = (struct control_client){ .control = control, .fd = fd, .waits = waits };
	TAILQ_INSERT_TAIL(&control->clients, client, entry);
	control->count++;
	client->event =
		event_new(control->loop->base, fd, EV_READ | EV_PERSIST, on_request, client);
	if (client->event == NULL || event_add(client->event, &idle) != 0)
		close_client(client);
}

static void
on_client(int fd, short what PF_UNUSED, void *arg)
{
	struct control *control = arg;
	const int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client < 0)
		return;
	if (control->count < CLIENTS_MAX)
		add_client(control, client, 0);
	else
		close(client);
}

static int
watch(struct control *control, struct error *error)
{
	control->event = event_new(
		control->loop->base, control->fd, EV_READ | EV_PERSIST, on_client, control);
	if (control->event == NULL || event_add(control->event, NULL) != 0)
		return error_set(error, "cannot watch the control socket");
	return 0;
}

/* /run is empty after each boot. Who made what is there already is looked at by who binds. */
static void
make_folder(const char *path)
{
	char *copy = strdup(path);

	if (copy != NULL)
		mkdir(dirname(copy), 0755);
	free(copy);
}

static int
take_path(struct control *control, const char *path, struct error *error)
{
	control->path = strdup(path);
	return control->path != NULL ? 0 : error_errno(error, "cannot keep its name");
}

static void
note_name(struct control *control)
{
	struct stat st;

	if (lstat(control->path, &st) != 0)
		return;
	control->device = st.st_dev;
	control->inode = st.st_ino;
}

static int
bind_socket(struct control *control, const char *path, bool locked, struct error *error)
{
	const struct unix_socket_access access = { 0600, geteuid(), getegid() };
	struct address address = { .size = sizeof(address.un) };

	address.un.sun_family = AF_UNIX;
	if (strlcpy(address.un.sun_path, path, sizeof(address.un.sun_path)) >=
		sizeof(address.un.sun_path))
		return error_set(error, "the path is too long: at most %zu bytes",
			sizeof(address.un.sun_path) - 1);
	make_folder(path);
	control->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return error_errno(error, "cannot make a socket");
	if (unix_socket_bind(control->fd, &address, &access, locked, error) != 0)
		return -1;
	if (listen(control->fd, BACKLOG) != 0)
		return error_errno(error, "cannot listen");
	if (take_path(control, path, error) != 0)
		return -1;
	note_name(control);
	return watch(control, error);
}

int
control_open(struct control *control, const struct config *config, bool locked, struct error *error)
{
	bool busy;

	if (config->control_socket[0] == '\0')
		return EX_OK;
	if (bind_socket(control, config->control_socket, locked, error) == 0)
		return EX_OK;
	busy = errno == EADDRINUSE;
	place_error(error, &config->control_socket_place, "control_socket");
	return busy ? EX_UNAVAILABLE : EX_CONFIG;
}

int
control_adopt(struct control *control, const char *path, int fd, const int32_t *clients,
	size_t count, struct error *error)
{
	if (fd < 0)
		return 0;
	if (take_path(control, path, error) != 0)
		return -1;
	note_name(control);
	control->fd = fd;
	if (watch(control, error) != 0) {
		control->fd = -1;
		return -1;
	}
	for (size_t i = 0; i < count; i++)
		add_client(control, clients[i], CONTROL_UPGRADE);
	return 0;
}

size_t
control_list_waiting(const struct control *control, int32_t *fds, size_t most)
{
	const struct control_client *client;
	size_t count = 0;

	TAILQ_FOREACH (client, &control->clients, entry) {
		if (client->waits == CONTROL_UPGRADE && count < most)
			fds[count++] = client->fd;
	}
	return count;
}

static bool
is_own(const struct control *control)
{
	struct stat st;

	return lstat(control->path, &st) == 0 && st.st_dev == control->device &&
		st.st_ino == control->inode;
}

void
control_close(struct control *control)
{
	struct control_client *client;

	while ((client = TAILQ_FIRST(&control->clients)) != NULL) {
		if (client->waits == CONTROL_DRAIN || client->waits == CONTROL_STOP)
			client->fd = -1; /* ends with the process, which it waits for */
		close_client(client);
	}
	if (control->path != NULL && is_own(control))
		unlink(control->path);
	free(control->path);
	control->path = NULL;
	if (control->event != NULL)
		event_free(control->event);
	control->event = NULL;
	fd_close(&control->fd);
}

static struct control_reply
reply_of_reload(const struct control *control, const struct reload_end *end, bool upgraded)
{
	struct control_reply reply = control_reply_of(control);

	reply.replaced = end->replaced;
	reply.took_ms = end->took_ms;
	if (end->reason == NULL)
		return reply;
	reply.status = end->status;
	snprintf(reply.text, sizeof(reply.text), "%s%s",
		upgraded ? "the new program runs, but its reload failed: " : "", end->reason);
	return reply;
}

void
control_reload_ended(struct control *control, const struct reload_end *end)
{
	struct control_client *client;

	TAILQ_FOREACH (client, &control->clients, entry) {
		const bool upgraded = client->waits == CONTROL_UPGRADE &&
			control->master->upgrade.state == UPGRADE_IDLE;
		struct control_reply reply;

		if (client->waits != CONTROL_RELOAD && !upgraded)
			continue;
		if (client->skip > 0) {
			client->skip--;
			continue;
		}
		reply = reply_of_reload(control, end, upgraded);
		control_answer(client, &reply, NULL, 0);
	}
}

static void
refuse_waiting(
	struct control *control, enum control_command command, int status, const char *reason)
{
	struct control_client *client;

	TAILQ_FOREACH (client, &control->clients, entry) {
		if (client->waits == command)
			control_refuse(client, status, reason);
	}
}

void
control_upgrade_failed(struct control *control, const char *reason)
{
	refuse_waiting(control, CONTROL_UPGRADE, EX_SOFTWARE, reason);
}

void
control_moved(struct control *control, uint32_t moved)
{
	struct control_reply reply = control_reply_of(control);
	struct control_client *client;

	reply.moved = moved;
	TAILQ_FOREACH (client, &control->clients, entry) {
		if (client->waits == CONTROL_MOVE)
			control_answer(client, &reply, NULL, 0);
	}
}

void
control_leave_moves(struct control *control)
{
	refuse_waiting(control, CONTROL_MOVE, EX_TEMPFAIL,
		"an upgrade came in between; some may have moved");
}
