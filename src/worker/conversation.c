#include <config.h>

#include "worker/conversation.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/fd.h"

enum {
	PASSED_MAX = 2, /* the client's socket, and the file of the fields */
};

static const char *const reasons[] = {
	[TAKE_NONE] = "none",
	[TAKE_MODULE_KEEPS] = "module",
	[TAKE_NO_SERVICE] = "service",
	[TAKE_FRAMING] = "framing",
	[TAKE_MODULE] = "other module",
	[TAKE_FORMAT] = "save format",
	[TAKE_REFUSED] = "restore",
	[TAKE_NO_DESCRIPTOR] = "descriptors",
	[TAKE_NO_MEMORY] = "memory",
	[TAKE_JUNK] = "record",
	[TAKE_NOBODY] = "no worker",
	[TAKE_DIED] = "workers died",
	[TAKE_FATAL] = "killed workers",
};
static_assert(countof(reasons) == TAKE__COUNT, "a word for each reason");

const char *
conversation_reason(enum refusal_to_take reason)
{
	return reasons[reason];
}

/* Room for the descriptors that come along. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(PASSED_MAX * sizeof(int))];
};

/* Sends PARTS as one piece, with the COUNT descriptors of PASSED. */
static int
send_passing(int to, struct iovec *parts, int part_count, const int *passed, size_t count)
{
	union control control = { 0 };
	struct msghdr head = {
		.msg_iov = parts,
		.msg_iovlen = (size_t)part_count,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.header), passed, count * sizeof(int));
	return sendmsg(to, &head, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ? 0 : -1;
}

/* Takes what one send brought. PASSED gets the descriptors that arrived, -1 for others. */
static ssize_t
receive_passed(int from, struct iovec *parts, int part_count, int passed[static PASSED_MAX])
{
	union control control;
	struct msghdr head = {
		.msg_iov = parts,
		.msg_iovlen = (size_t)part_count,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(from, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *along = got > 0 ? CMSG_FIRSTHDR(&head) : NULL;

	passed[0] = passed[1] = -1;
	if (along != NULL && along->cmsg_level == SOL_SOCKET && along->cmsg_type == SCM_RIGHTS)
		memcpy(passed, CMSG_DATA(along), along->cmsg_len - CMSG_LEN(0));
	return got;
}

int
conversation_offer(int inbox)
{
	char nothing = 0;
	struct iovec part = { &nothing, 1 };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return -1;
	if (send_passing(inbox, &part, 1, &ends[1], 1) != 0)
		fd_close(&ends[0]);
	close(ends[1]);
	return ends[0];
}

int
conversation_accept(int inbox)
{
	char nothing;
	struct iovec part = { &nothing, 1 };
	int passed[PASSED_MAX];
	ssize_t got = receive_passed(inbox, &part, 1, passed);

	fd_close(&passed[1]);
	if (got == 0)
		errno = ECONNRESET;
	else if (got > 0 && passed[0] < 0)
		errno = EMFILE;
	return passed[0];
}

/* A file with the fields of RECORD. */
static int
make_file(const struct record *record)
{
	int fd = memfd_create("preforkd: connection", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (pwrite(fd, record->data, record->size, 0) == (ssize_t)record->size)
		return fd;
	close(fd);
	errno = ENOMEM;
	return -1;
}

int
conversation_send(int conversation, const struct record *record, uint64_t id, int fd)
{
	struct record_head head = record_head_of(record, id);
	struct iovec parts[] = { { &head, sizeof(head) }, { record->data, record->size } };
	int passed[PASSED_MAX] = { fd, -1 };
	int result;

	if (record->size <= PARCEL_INLINE)
		return send_passing(conversation, parts, 2, passed, 1);
	passed[1] = make_file(record);
	if (passed[1] < 0)
		return -1;
	head.flags |= RECORD_APART;
	result = send_passing(conversation, parts, 1, passed, 2);
	fd_close(&passed[1]);
	return result;
}

/* The fields that stand in the file FD. */
static void
read_file(struct parcel *parcel, int fd)
{
	const size_t size = parcel->head.size;
	struct stat file;

	if (fstat(fd, &file) != 0 || (uint64_t)file.st_size < size)
		return;
	parcel->memory = malloc(size);
	if (parcel->memory != NULL && pread(fd, parcel->memory, size, 0) == (ssize_t)size)
		parcel->fields = (struct span){ parcel->memory, size };
}

/* GOT bytes of a parcel have come. */
static int
open_parcel(struct parcel *parcel, size_t got, int file, char *buffer)
{
	if (got < sizeof(parcel->head) || !record_head_is_known(&parcel->head)) {
		errno = EPROTO;
		return -1;
	}
	if ((parcel->head.flags & RECORD_APART) != 0 && file >= 0)
		read_file(parcel, file);
	else if (got == sizeof(parcel->head) + parcel->head.size)
		parcel->fields = (struct span){ buffer, parcel->head.size };
	return 1;
}

int
conversation_receive(int conversation, struct parcel *parcel, char *buffer)
{
	struct iovec parts[] = { { &parcel->head, sizeof(parcel->head) },
		{ buffer, PARCEL_INLINE } };
	int passed[PASSED_MAX], result = 0;
	ssize_t got;

	*parcel = (struct parcel){ .fd = -1 };
	got = receive_passed(conversation, parts, 2, passed);
	parcel->fd = passed[0];
	if (got < 0)
		result = -1;
	else if (got > 0)
		result = open_parcel(parcel, (size_t)got, passed[1], buffer);
	fd_close(&passed[1]);
	if (result != 1)
		parcel_drop(parcel);
	return result;
}

void
parcel_drop(struct parcel *parcel)
{
	fd_close(&parcel->fd);
	free(parcel->memory);
	parcel->memory = NULL;
}

int
conversation_answer(int conversation, const struct answer *answer)
{
	return send(conversation, answer, sizeof(*answer), MSG_NOSIGNAL | MSG_DONTWAIT) ==
			(ssize_t)sizeof(*answer)
		? 0
		: -1;
}

int
conversation_next_answer(int conversation, struct answer *answer)
{
	ssize_t got = recv(conversation, answer, sizeof(*answer), MSG_DONTWAIT);

	if (got == (ssize_t)sizeof(*answer))
		return 1;
	if (got > 0)
		errno = EPROTO;
	return got == 0 ? 0 : -1;
}
