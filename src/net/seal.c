#include <config.h>

#include "net/seal.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum {
	HOPS_MOST = 255, /* nobody's packets have as many left, but for a neighbour's at times */
};

/* One of the two fits a socket of TCP, none one of the file system. */
static void
set_least_hops(int fd, int hops)
{
	(void)setsockopt(fd, IPPROTO_IP, IP_MINTTL, &hops, sizeof(hops));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, &hops, sizeof(hops));
}

void
seal_set(int fd)
{
	set_least_hops(fd, HOPS_MOST);
}

void
seal_lift(int fd)
{
	set_least_hops(fd, 0);
}
