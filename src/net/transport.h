/* Bytes in and out of a socket: the layer that TLS can take the place of. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include <sys/types.h>
#include <sys/uio.h>

/* As readv(2) and writev(2) on a non-blocking socket. */
ssize_t transport_read(int fd, const struct iovec *parts, int count);
ssize_t transport_write(int fd, const struct iovec *parts, int count);

/* Says that nothing more will be sent. Returns 0, or -1 with errno. */
int transport_shutdown(int fd);

/* Bytes written that the peer's kernel or process has not taken; 0 if that cannot be told. */
size_t transport_untaken(int fd);

#endif
