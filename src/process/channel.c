#include <config.h>

#include "process/channel.h"

#include <errno.h>
#include <string.h>
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

/* Room for one descriptor. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static ssize_t
receive_message(struct channel *channel, struct message *message)
{
	struct iovec part = { .iov_base = message, .iov_len = sizeof(*message) };
	union control control;
	struct msghdr head = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = channel->takes_passed ? &control : NULL,
		.msg_controllen = channel->takes_passed ? CMSG_LEN(sizeof(int)) : 0,
	};
	ssize_t got = recvmsg(channel->fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *along = got > 0 ? CMSG_FIRSTHDR(&head) : NULL;

	channel->passed = -1;
	if (along != NULL && along->cmsg_level == SOL_SOCKET && along->cmsg_type == SCM_RIGHTS)
		memcpy(&channel->passed, CMSG_DATA(along), sizeof(channel->passed));
	return got;
}

/* Takes one message. Returns whether another may be waiting. */
static bool
receive(struct channel *channel)
{
	struct message message;
	ssize_t got = receive_message(channel, &message);

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
		fd_close(&channel->passed);
		end_of_file(channel);
		return false;
	}
	message.failed.reason[MESSAGE_REASON_MAX - 1] = '\0';
	channel->received(channel->arg, &message);
	fd_close(&channel->passed);
	return channel->event != NULL;
}

static void
on_readable(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	receive(arg);
}

int
channel_adopt(struct channel *channel, int fd, struct loop *loop,
	void (*received)(void *arg, const struct message *message), void *arg, struct error *error)
{
	*channel = (struct channel){ .fd = fd, .passed = -1, .received = received, .arg = arg };
	channel->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, channel);
	if (channel->event == NULL || event_add(channel->event, NULL) != 0)
		return error_set(error, "cannot watch a channel");
	return 0;
}

int
channel_open(struct channel *channel, int fd, struct loop *loop,
	void (*received)(void *arg, const struct message *message), void *arg, struct error *error)
{
	if (channel_adopt(channel, fd, loop, received, arg, error) == 0)
		return 0;
	channel_close(channel);
	return -1;
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
channel_take_passed(struct channel *channel)
{
	int passed = channel->passed;

	channel->passed = -1;
	return passed;
}

static int
send_message(int fd, const struct message *message, int passed)
{
	struct message stamped = *message;
	struct iovec part = { .iov_base = &stamped, .iov_len = sizeof(stamped) };
	union control control = { 0 };
	struct msghdr head = { .msg_iov = &part, .msg_iovlen = 1 };

	stamped.version = MESSAGE_VERSION;
	if (passed >= 0) {
		head.msg_control = &control;
		head.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(passed));
		memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
	}
	return sendmsg(fd, &head, MSG_NOSIGNAL) == (ssize_t)sizeof(stamped) ? 0 : -1;
}

int
channel_send_passing(const struct channel *channel, const struct message *message, int passed)
{
	return send_message(channel->fd, message, passed);
}

int
channel_send_fd(int fd, const struct message *message)
{
	return send_message(fd, message, -1);
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
