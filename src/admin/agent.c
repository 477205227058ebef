#include <config.h>

#include "admin/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "admin/rest.h"
#include "base/clock.h"
#include "metrics/status.h"
#include "segment/admission.h"

enum {
	LINE_MAX_SIZE = 64,
	ASKERS_MAX = 64,  /* at once; then the oldest goes, which has its answer */
	LINGER_MS = 2000, /* for one to close */
	TAKEN_MAX = 4096, /* bytes of whatever it sends */
};

/* One that has been answered, and is to close. */
struct asker {
	TAILQ_ENTRY(asker) entry;
	struct agent *agent;
	struct event *event;
	int fd;
	int64_t due_ms;
	size_t taken;
};

struct agent {
	const struct segment *segment;
	struct event_base *base;
	struct evconnlistener *listeners[CONFIG_ADMIN_ADDRESSES_MAX];
	size_t listener_count;
	TAILQ_HEAD(, asker) askers; /* the oldest first */
	size_t asker_count;
};

/* Rounded up: 0 is only said by a server that is full. */
static unsigned
free_percent(const struct segment *segment)
{
	const uint64_t most = atomic_load(&segment->head->master.max_connections);
	const uint64_t open = admission_sum_admitted(segment);

	if (most == 0 || open >= most)
		return 0;
	return (unsigned)(((most - open) * 100 + most - 1) / most);
}

static size_t
write_line(const struct segment *segment, char *line)
{
	if (status_why_not_ready(segment) != NULL)
		return (size_t)snprintf(line, LINE_MAX_SIZE, "drain\n");
	return (size_t)snprintf(line, LINE_MAX_SIZE, "up ready %u%%\n", free_percent(segment));
}

static void
end(struct asker *asker)
{
	struct agent *agent = asker->agent;

	TAILQ_REMOVE(&agent->askers, asker, entry);
	agent->asker_count--;
	event_free(asker->event);
	close(asker->fd);
	free(asker);
}

/* Returns whether it was added. */
static bool
wait(const struct asker *asker)
{
	const int64_t left_ms = asker->due_ms - clock_monotonic_ms();
	const struct timeval left = loop_timeval(left_ms > 0 ? left_ms : 1);

	return event_add(asker->event, &left) == 0;
}

/* A close with unread input would reset the connection, and destroy the answer. */
static void
on_asker(evutil_socket_t fd, short what, void *arg)
{
	struct asker *asker = arg;
	char thrown_away[TAKEN_MAX];
	ssize_t got = 0;

	if ((what & EV_READ) != 0)
		got = recv(fd, thrown_away, sizeof(thrown_away), MSG_DONTWAIT);
	if (got > 0)
		asker->taken += (size_t)got;
	if (got <= 0 || asker->taken > TAKEN_MAX || !wait(asker))
		end(asker);
}

/* Takes FD, which has its answer. */
static int
let_close(struct agent *agent, int fd)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (asker == NULL)
		return -1;
	asker->event = event_new(agent->base, fd, EV_READ, on_asker, asker);
	asker->due_ms = clock_monotonic_ms() + LINGER_MS;
	if (asker->event == NULL || !wait(asker)) {
		if (asker->event != NULL)
			event_free(asker->event);
		free(asker);
		return -1;
	}
	asker->agent = agent;
	asker->fd = fd;
	TAILQ_INSERT_TAIL(&agent->askers, asker, entry);
	if (++agent->asker_count > ASKERS_MAX)
		end(TAILQ_FIRST(&agent->askers));
	return 0;
}

static void
on_accept(struct evconnlistener *listener PF_UNUSED, evutil_socket_t fd,
	struct sockaddr *peer PF_UNUSED, int size PF_UNUSED, void *arg)
{
	struct agent *agent = arg;
	char line[LINE_MAX_SIZE];
	const size_t length = write_line(agent->segment, line);

	if (send(fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)length ||
		shutdown(fd, SHUT_WR) != 0 || let_close(agent, fd) != 0)
		close(fd);
}

static int
listen_on(struct agent *agent, int fd)
{
	struct evconnlistener *listener =
		evconnlistener_new(agent->base, on_accept, agent, LEV_OPT_CLOSE_ON_EXEC, 0, fd);

	if (listener == NULL)
		return -1;
	rest_on_error(listener);
	agent->listeners[agent->listener_count++] = listener;
	return 0;
}

static int
listen_on_all(struct agent *agent, const struct inheritance *inheritance)
{
	for (size_t i = 0; i < inheritance->listener_count; i++) {
		const struct inherited_listener *listener = &inheritance->listeners[i];

		if (listener->service == CONFIG_ADMIN_AGENT && listen_on(agent, listener->fd) != 0)
			return -1;
	}
	return 0;
}

struct agent *
agent_open(struct loop *loop, const struct inheritance *inheritance, struct error *error)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (agent != NULL) {
		agent->segment = inheritance->segment;
		agent->base = loop->base;
		TAILQ_INIT(&agent->askers);
		if (listen_on_all(agent, inheritance) == 0)
			return agent;
	}
	error_errno(error, "cannot set up the agent");
	agent_close(&agent);
	return NULL;
}

void
agent_close(struct agent **agent)
{
	struct asker *asker;

	if (*agent == NULL)
		return;
	while ((asker = TAILQ_FIRST(&(*agent)->askers)) != NULL)
		end(asker);
	for (size_t i = 0; i < (*agent)->listener_count; i++)
		evconnlistener_free((*agent)->listeners[i]);
	free(*agent);
	*agent = NULL;
}
