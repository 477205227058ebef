#include <config.h>

#include "process/control.h"

#include <string.h>
#include <sys/param.h>

union files {
	struct cmsghdr header;
	char room[CMSG_SPACE(CONTROL_FILES_MAX * sizeof(int))];
};

int
control_send(int fd, const void *data, size_t size, const int *files, size_t count)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	union files along = { 0 };
	struct msghdr head = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count > 0) {
		head.msg_control = &along;
		head.msg_controllen = CMSG_SPACE(count * sizeof(int));
		along.header.cmsg_level = SOL_SOCKET;
		along.header.cmsg_type = SCM_RIGHTS;
		along.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&along.header), files, count * sizeof(int));
	}
	return sendmsg(fd, &head, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

ssize_t
control_receive(int fd, void *data, size_t size, int files[static CONTROL_FILES_MAX])
{
	struct iovec part = { .iov_base = data, .iov_len = size };
	union files along;
	struct msghdr head = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &along,
		.msg_controllen = sizeof(along),
	};
	const ssize_t got = recvmsg(fd, &head, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *first = got > 0 ? CMSG_FIRSTHDR(&head) : NULL;

	for (size_t i = 0; i < CONTROL_FILES_MAX; i++)
		files[i] = -1;
	if (first != NULL && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS)
		memcpy(files, CMSG_DATA(first),
			MIN(first->cmsg_len - CMSG_LEN(0), CONTROL_FILES_MAX * sizeof(int)));
	return got;
}
