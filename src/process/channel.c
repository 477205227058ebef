#include <config.h>

#include "process/channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

int
channel_pair(int ends[static 2], struct error *error)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return error_errno(error, "cannot make a channel");
	return 0;
}

static void
end_of_file(struct channel *channel)
{
	event_free(channel->event);
	channel->event = NULL;
	channel->received(channel->arg, NULL);
}

/* Takes one message. Returns whether another may be waiting. */
static bool
receive(struct channel *channel)
{
	struct message message;
	ssize_t got = recv(channel->fd, &message, sizeof(message), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* A peer that died with input unread gives this before its last messages: unix(7). */
	if (got < 0 && errno == ECONNRESET)
		return true;
	if (got <= 0) {
		end_of_file(channel);
		return false;
	}
	if (got != (ssize_t)sizeof(message) || message.version != MESSAGE_VERSION) {
		log_error("message of a wrong size or version: not listening any more",
			log_int("bytes", got));
		end_of_file(channel);
		return false;
	}
	message.failed.reason[MESSAGE_REASON_MAX - 1] = '\0';
	channel->received(channel->arg, &message);
	return channel->event != NULL;
}

static void
on_readable(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	receive(arg);
}

int
channel_open(struct channel *channel, int fd, struct loop *loop,
	void (*received)(void *arg, const struct message *message), void *arg, struct error *error)
{
	*channel = (struct channel){ .fd = fd, .received = received, .arg = arg };
	channel->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, channel);
	if (channel->event == NULL || event_add(channel->event, NULL) != 0) {
		channel_close(channel);
		return error_set(error, "cannot watch a channel");
	}
	return 0;
}

void
channel_close(struct channel *channel)
{
	if (channel->event != NULL)
		event_free(channel->event);
	channel->event = NULL;
	fd_close(&channel->fd);
}

int
channel_send_fd(int fd, const struct message *message)
{
	struct message stamped = *message;

	stamped.version = MESSAGE_VERSION;
	if (send(fd, &stamped, sizeof(stamped), MSG_NOSIGNAL) != (ssize_t)sizeof(stamped))
		return -1;
	return 0;
}

int
channel_send(const struct channel *channel, const struct message *message)
{
	return channel_send_fd(channel->fd, message);
}

void
channel_drain(struct channel *channel)
{
	if (channel->event == NULL)
		return;
	while (receive(channel))
		continue;
}
