/* See processes.h. */
#define _GNU_SOURCE
#include "processes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define WORKERS_MAX 256

/* A heap that keeps what is freed, so that a large message does not cost page faults each time. */
#define HEAP_KEPT (64 << 20)

void
processes_fail(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(EX_OSERR);
}

static int
listen_on(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int on = 1;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		processes_fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, SOMAXCONN) < 0)
		processes_fail("listen");
	return fd;
}

/* The signals that supervise waits for stay blocked in it, and come as usual in the workers. */
static pid_t
start_worker(const int *listeners, int workers, int number, void (*work)(int listener))
{
	sigset_t none;
	const pid_t pid = fork();

	if (pid < 0)
		processes_fail("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < workers; i++) {
		if (listeners[i] != listeners[number])
			close(listeners[i]);
	}
	work(listeners[number]);
	exit(EX_SOFTWARE);
}

static _Noreturn void
supervise(const int *listeners, int workers, void (*work)(int listener))
{
	pid_t pids[WORKERS_MAX];
	sigset_t ending;
	int caught;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	for (int i = 0; i < workers; i++)
		pids[i] = start_worker(listeners, workers, i, work);
	sigwait(&ending, &caught);
	for (int i = 0; i < workers; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		continue;
	exit(caught == SIGCHLD ? EX_SOFTWARE : EX_OK);
}

void
processes_run(int argc, char **argv, bool shared, void (*work)(int listener))
{
	const int port = argc > 2 ? atoi(argv[argc - 2]) : 0;
	const int workers = argc > 2 ? atoi(argv[argc - 1]) : 0;
	int listeners[WORKERS_MAX];

	if (port < 1 || port > UINT16_MAX || workers < 1 || workers > WORKERS_MAX) {
		fprintf(stderr, "%s: needs a port, and 1 to %d workers\n",
			program_invocation_short_name, WORKERS_MAX);
		exit(EX_USAGE);
	}
	signal(SIGPIPE, SIG_IGN);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	mallopt(M_MMAP_THRESHOLD, HEAP_KEPT / 2);
	for (int i = 0; i < workers; i++)
		listeners[i] = shared && i > 0 ? listeners[0] : listen_on((uint16_t)port);
	supervise(listeners, workers, work);
}
