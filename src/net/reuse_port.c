#include <config.h>

#include "net/reuse_port.h"

#include <linux/filter.h>
#include <stdint.h>
#include <sys/socket.h>

static size_t
count_open(const bool *open, size_t count)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += open[i];
	return found;
}

/* A random number below that of the open ones, then the place of that one: socket(7). */
int
reuse_port_steer(int fd, const bool *open, size_t count)
{
	const size_t opened = count_open(open, count);
	struct sock_filter code[3 + 2 * count];
	struct sock_fprog program = { .filter = code };
	unsigned short size = 0;
	uint32_t nth = 0;

	code[size++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
	code[size++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, (uint32_t)opened);
	for (uint32_t i = 0; i < count; i++) {
		if (!open[i])
			continue;
		code[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nth++, 0, 1);
		code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, i);
	}
	code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	program.len = size;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
}
