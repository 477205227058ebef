#include <config.h>

#include "master/admin.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/log.h"
#include "master/generation.h"
#include "process/signals.h"
#include "process/spawn.h"

enum {
	END_MS = 2000,              /* for it to end when it is told to */
	TRACES_BYTES = 1024 * 1024, /* on their way; the kernel may allow less */
};

/* From the start on: somebody may ask whether the server is ready. */
static const struct generation *
current(const struct admin *admin)
{
	return supervisor_current(admin->supervisor);
}

static bool
is_wanted(const struct admin *admin)
{
	const struct generation *generation = current(admin);

	return !admin->supervisor->killing && generation != NULL &&
		(generation->admin_use_count > 0 || generation->config->traces_endpoint[0] != '\0');
}

/* All that it has to say; whom it may lie to is who reads metrics. */
static void
on_message(void *arg, const struct message *message)
{
	struct admin *admin = arg;
	struct segment_master *shown = &admin->supervisor->segment->head->master;

	if (message == NULL || message->type != MESSAGE_SPANS)
		return;
	atomic_fetch_add(&shown->spans_exported, message->spans.exported);
	for (unsigned i = 0; i < SPANS__COUNT; i++)
		atomic_fetch_add(&shown->spans_dropped[i], message->spans.dropped[i]);
}

/* What the process is to have; returns how many. */
static size_t
list_sockets(const struct generation *generation, struct inherited_listener *sockets)
{
	for (size_t i = 0; i < generation->admin_use_count; i++) {
		const struct listener_use *use = &generation->admin_uses[i];

		sockets[i] = (struct inherited_listener){
			.fd = use->listener->sockets[0].fd,
			.id = use->listener->sockets[0].id,
			.service = use->service,
		};
	}
	return generation->admin_use_count;
}

static int
fork_admin(struct admin *admin, struct error *error)
{
	const struct generation *generation = current(admin);
	struct inheritance inheritance = {
		.config = generation->config,
		.identity = &generation->resources.identity,
		.listeners = admin->sockets,
		.segment = generation->segment,
		.generation = generation->number,
		.inbox = -1,
		.traces = admin->supervisor->traces[0],
	};
	int channel;

	admin->socket_count = list_sockets(generation, admin->sockets);
	inheritance.listener_count = admin->socket_count;
	admin->identity = *inheritance.identity;
	strlcpy(admin->chroot, generation->config->chroot, sizeof(admin->chroot));
	strlcpy(admin->endpoint, generation->config->traces_endpoint, sizeof(admin->endpoint));
	admin->pid = spawn(admin->role, &inheritance, &channel, error);
	if (admin->pid < 0) {
		admin->pid = 0;
		return -1;
	}
	return channel_open(
		&admin->channel, channel, admin->supervisor->loop, on_message, admin, error);
}

static void
respawn(struct admin *admin, const struct respawn_death *death)
{
	loop_start_timer(admin->timer, respawn_delay_ms(&admin->respawn, death));
}

static void
start(struct admin *admin)
{
	const struct respawn_death failed = { 0 };
	struct error error;

	event_del(admin->timer);
	admin->replaced = false;
	admin->born_ms = loop_now(admin->supervisor->loop);
	if (fork_admin(admin, &error) == 0) {
		log_debug("admin process started", log_int("pid", admin->pid));
		return;
	}
	log_error("cannot start the admin process", log_str("reason", error.text));
	if (admin->pid > 0)
		kill(admin->pid, SIGKILL);
	else
		respawn(admin, &failed);
}

static void
on_timer(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct admin *admin = arg;

	if (admin->pid > 0)
		kill(admin->pid, SIGKILL); /* it was told to end */
	else if (is_wanted(admin))
		start(admin);
}

/*
 * One socket for all workers: it outlives them and the admin process, and nobody has to be told
 * when either is replaced. It is bounded by what the sending end may have under way.
 */
static int
open_traces(struct supervisor *supervisor, struct error *error)
{
	const int size = TRACES_BYTES;

	if (channel_pair(supervisor->traces, error) != 0)
		return -1;
	setsockopt(supervisor->traces[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

int
admin_open(struct admin *admin, struct supervisor *supervisor, const struct role *role,
	struct error *error)
{
	*admin = (struct admin){
		.supervisor = supervisor,
		.role = role,
		.channel = { .fd = -1 },
		.timer = evtimer_new(supervisor->loop->base, on_timer, admin),
	};
	if (admin->timer == NULL)
		return error_set(error, "cannot make a timer");
	return open_traces(supervisor, error);
}

/* What workers have left behind is exported, if that goes fast. */
static bool
ends_by_itself(const struct admin *admin)
{
	const struct timespec most = { .tv_sec = END_MS / 1000 };
	sigset_t set;

	if (admin->supervisor->killing || admin->endpoint[0] == '\0')
		return false;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	kill(admin->pid, SIGTERM);
	while (waitpid(admin->pid, NULL, WNOHANG) == 0) {
		if (sigtimedwait(&set, NULL, &most) < 0)
			return false;
	}
	return true;
}

void
admin_close(struct admin *admin)
{
	if (admin->timer != NULL)
		event_free(admin->timer);
	admin->timer = NULL;
	if (admin->pid > 0 && !ends_by_itself(admin)) {
		kill(admin->pid, SIGKILL);
		waitpid(admin->pid, NULL, 0);
	}
	admin->pid = 0;
	channel_close(&admin->channel);
	for (int i = 0; i < 2; i++)
		fd_close(&admin->supervisor->traces[i]);
}

static bool
has_right_endpoint(const struct admin *admin)
{
	return strcmp(admin->endpoint, current(admin)->config->traces_endpoint) == 0;
}

static bool
has_right_sockets(const struct admin *admin)
{
	struct inherited_listener sockets[ADMIN_SOCKETS_MAX];
	const size_t count = list_sockets(current(admin), sockets);

	for (size_t i = 0; i < count && i < admin->socket_count; i++) {
		if (sockets[i].id != admin->sockets[i].id ||
			sockets[i].service != admin->sockets[i].service)
			return false;
	}
	return count == admin->socket_count;
}

static bool
is_right_process(const struct admin *admin)
{
	const struct generation *generation = current(admin);

	return privilege_is_same(&admin->identity, &generation->resources.identity) &&
		strcmp(admin->chroot, generation->config->chroot) == 0;
}

/* Who connects meanwhile waits in the listener's queue. */
void
admin_update(struct admin *admin)
{
	if (admin->pid == 0) {
		if (is_wanted(admin))
			start(admin);
		return;
	}
	if (is_wanted(admin) && has_right_sockets(admin) && is_right_process(admin) &&
		has_right_endpoint(admin))
		return;
	admin->replaced = true;
	kill(admin->pid, SIGTERM);
	loop_start_timer(admin->timer, END_MS);
}

void
admin_send_settings(struct admin *admin)
{
	const bool passed = log_fd() != STDERR_FILENO;
	struct message message = {
		.type = MESSAGE_SETTINGS,
		.settings = { .passed = passed, .kind = log_kind() },
	};

	admin_update(admin);
	if (admin->pid == 0)
		return;
	message.settings.format = current(admin)->config->log_format;
	message.settings.level = current(admin)->config->log_level;
	if (channel_send_passing(&admin->channel, &message, passed ? log_fd() : -1) != 0)
		log_warn("the admin process does not hear of the new log");
}

bool
admin_reaped(struct admin *admin, pid_t pid, int status)
{
	const struct respawn_death death = {
		.lived_ms = loop_now(admin->supervisor->loop) - admin->born_ms,
		.ready = true,
	};
	char how[64];

	if (admin->pid == 0 || pid != admin->pid)
		return false;
	admin->pid = 0;
	event_del(admin->timer);
	channel_drain(&admin->channel);
	channel_close(&admin->channel);
	if (!is_wanted(admin))
		return true;
	if (admin->replaced) {
		start(admin);
		return true;
	}
	signals_describe(status, how, sizeof(how));
	if (status == 0) /* TERM, as to the whole group of processes */
		log_info("the admin process ended", log_int("pid", pid),
			log_int("uptime_ms", death.lived_ms));
	else
		log_error("the admin process died", log_int("pid", pid), log_str("how", how),
			log_int("uptime_ms", death.lived_ms));
	respawn(admin, &death);
	return true;
}
