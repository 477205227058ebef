#include <config.h>

#include "tools/bench/requests.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Bytes of the frames FIRST up to END of the payload. */
static size_t
run_size(const struct payload *payload, size_t first, size_t end)
{
	return payload->starts[end] - payload->starts[first];
}

/* Steps over SENT bytes, which end at the end of the payload or before. */
static void
step_over(struct requests *requests, const struct payload *payload, size_t sent)
{
	size_t at = payload->starts[requests->next] + requests->offset + sent;

	while (requests->next < payload->count && payload->starts[requests->next + 1] <= at) {
		requests->next++;
		requests->count--;
	}
	requests->offset = at - payload->starts[requests->next];
	if (requests->next == payload->count)
		requests->next = 0;
}

/*
 * Fills IOV with what of the payload is next: up to its end, then from its start, but no frame
 * twice. Returns the parts.
 */
static size_t
gather(const struct requests *requests, const struct payload *payload, struct iovec iov[2])
{
	size_t ahead = MIN(requests->count, payload->count - requests->next);
	size_t again = MIN(requests->count - ahead, requests->next);
	size_t start = payload->starts[requests->next] + requests->offset;

	iov[0].iov_base = payload->block + start;
	iov[0].iov_len = payload->starts[requests->next + ahead] - start;
	iov[1].iov_base = payload->block;
	iov[1].iov_len = run_size(payload, 0, again);
	return again > 0 ? 2 : 1;
}

ssize_t
requests_send(struct requests *requests, const struct payload *payload, int fd)
{
	ssize_t sent = 0, total = 0;
	size_t wanted = 0;
	struct iovec iov[2];

	while (requests->count > 0 && (size_t)sent == wanted) {
		struct msghdr message = { .msg_iov = iov };

		message.msg_iovlen = gather(requests, payload, iov);
		wanted = iov[0].iov_len + (message.msg_iovlen > 1 ? iov[1].iov_len : 0);
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
		if (sent < 0)
			return total > 0 && errno == EAGAIN ? total : -1;
		total += sent;
		step_over(requests, payload, MIN((size_t)sent, iov[0].iov_len));
		if ((size_t)sent > iov[0].iov_len)
			step_over(requests, payload, (size_t)sent - iov[0].iov_len);
	}
	return total;
}
