#include <config.h>

#include "net/transport.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t
transport_read(int fd, const struct iovec *parts, int count)
{
	if (count == 1)
		return read(fd, parts->iov_base, parts->iov_len);
	return readv(fd, parts, count);
}

ssize_t
transport_write(int fd, const struct iovec *parts, int count)
{
	if (count == 1)
		return write(fd, parts->iov_base, parts->iov_len);
	return writev(fd, parts, count);
}

int
transport_shutdown(int fd)
{
	return shutdown(fd, SHUT_WR);
}

size_t
transport_untaken(int fd)
{
	int size;

	return ioctl(fd, SIOCOUTQ, &size) == 0 && size > 0 ? (size_t)size : 0;
}
