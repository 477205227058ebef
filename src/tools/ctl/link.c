#include <config.h>

#include "tools/ctl/link.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/config.h"

enum {
	PATIENCE_MS = 10000,
};

static const char usual_socket[] = "/run/preforkd/control.sock"; /* of the one that is installed */

/*
 * A configuration that is wrong is the reason to look at a server that runs, or to be told so by
 * it. One that was named may be another server's, so that the usual socket is not tried for that.
 */
static int
cannot_read(struct link *link, const struct options *options, struct error *error)
{
	if (options->config == NULL && access(usual_socket, F_OK) == 0) {
		warnx("%s; asking at \"%s\"", error->text, usual_socket);
		link->path = usual_socket;
		return EX_OK;
	}
	error_prefix(error, "cannot tell where the control socket is (-s does): ");
	return EX_CONFIG;
}

static int
find_socket(struct link *link, const struct options *options, struct error *error)
{
	const char *file = options->config != NULL ? options->config : DEFAULT_CONFIG;
	struct config *config;

	link->path = options->socket;
	if (link->path != NULL)
		return EX_OK;
	config = config_load(file, error);
	if (config == NULL) {
		error_make_printable(error->text);
		return cannot_read(link, options, error);
	}
	if (config->control_socket[0] == '\0')
		error_set(error, "\"%s\" has no control_socket: set it, and restart the server",
			file);
	else
		link->path = link->found = strdup(config->control_socket);
	config_free(&config);
	return link->path != NULL ? EX_OK : EX_CONFIG;
}

/* What connect(2) says, for people. */
static int
cannot_connect(const struct link *link, struct error *error)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		error_set(error, "the server is not running: nobody listens at \"%s\"", link->path);
		return EX_UNAVAILABLE;
	case EACCES:
	case EPERM:
		error_set(error,
			"permission denied at \"%s\": only root and who runs the server may",
			link->path);
		return EX_NOPERM;
	case EPROTOTYPE:
		error_set(error, "\"%s\" is no control socket", link->path);
		return EX_UNAVAILABLE;
	default:
		error_errno(error, "cannot connect to \"%s\"", link->path);
		return EX_UNAVAILABLE;
	}
}

int
link_open(struct link *link, const struct options *options, struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int status;

	*link = (struct link){ .fd = -1 };
	status = find_socket(link, options, error);
	if (status != EX_OK)
		return status;
	if (strlcpy(address.sun_path, link->path, sizeof(address.sun_path)) >=
		sizeof(address.sun_path)) {
		error_set(error, "the path is too long: \"%s\"", link->path);
		return EX_USAGE;
	}
	link->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (link->fd < 0) {
		error_errno(error, "cannot make a socket");
		return EX_OSERR;
	}
	if (connect(link->fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return cannot_connect(link, error);
	return EX_OK;
}

void
link_close(struct link *link)
{
	fd_close(&link->fd);
	free(link->found);
	link->found = NULL;
}

/* Milliseconds until it must have answered; -1: it takes as long as it takes. */
static int
patience_ms(uint16_t command)
{
	switch ((enum control_command)command) {
	case CONTROL_RELOAD:
	case CONTROL_UPGRADE:
	case CONTROL_MOVE:
	case CONTROL_REBALANCE:
		return -1;
	case CONTROL_STATUS:
	case CONTROL_CONFIG:
	case CONTROL_WORKERS:
	case CONTROL_CONNECTIONS:
	case CONTROL_KILL:
	case CONTROL_LOG_LEVEL:
	case CONTROL_DRAIN:
	case CONTROL_STOP:
	case CONTROL__COUNT:
		break;
	}
	return PATIENCE_MS;
}

static int
receive(const struct link *link, uint16_t command, struct answer *answer, struct error *error)
{
	struct pollfd ready = { .fd = link->fd, .events = POLLIN };
	ssize_t got;

	if (poll(&ready, 1, patience_ms(command)) == 0) {
		error_set(error, "the server does not answer: its master stands still");
		return EX_TEMPFAIL;
	}
	do
		got = control_receive(
			link->fd, &answer->reply, sizeof(answer->reply), answer->files);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno != ECONNRESET) {
		error_errno(error, "no answer");
		return EX_IOERR;
	}
	if (got <= 0) {
		error_set(error,
			"the server has closed the connection without an answer: it ends, "
			"or too many ask it");
		return EX_UNAVAILABLE;
	}
	if (got != (ssize_t)sizeof(answer->reply) || answer->reply.version != CONTROL_VERSION) {
		error_set(error, "the server is of another version than this preforkctl");
		return EX_PROTOCOL;
	}
	return EX_OK;
}

int
link_ask(struct link *link, const struct control_request *request, struct answer *answer,
	struct error *error)
{
	struct control_request stamped = *request;
	int status;

	*answer = (struct answer){ .files = { -1, -1 } };
	stamped.version = CONTROL_VERSION;
	if (control_send(link->fd, &stamped, sizeof(stamped), NULL, 0) != 0) {
		error_errno(error, "cannot ask the server");
		return EX_UNAVAILABLE;
	}
	status = receive(link, request->command, answer, error);
	if (status != EX_OK)
		return status;
	answer->reply.program[sizeof(answer->reply.program) - 1] = '\0';
	answer->reply.text[sizeof(answer->reply.text) - 1] = '\0';
	error_make_printable(answer->reply.text);
	if (answer->reply.status != EX_OK)
		error_set(error, "%s", answer->reply.text);
	return answer->reply.status;
}

void
answer_close(struct answer *answer)
{
	for (size_t i = 0; i < CONTROL_FILES_MAX; i++)
		fd_close(&answer->files[i]);
}

void
link_wait_for_end(const struct link *link)
{
	char nothing;

	while (recv(link->fd, &nothing, sizeof(nothing), 0) > 0 || errno == EINTR)
		errno = 0;
}
