#include <config.h>

#include "master/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "master/control.h"
#include "master/heritage.h"
#include "net/listener.h"
#include "process/notify.h"
#include "process/reexec.h"
#include "process/signals.h"
#include "process/spawn.h"

enum {
	CHECK_GRACE_MS = 2000, /* beyond start_timeout, which the checker gives the modules */
	SAID_MAX = 512,
};

static const struct generation *
serving(const struct upgrade *upgrade)
{
	return upgrade->supervisor->serving;
}

static void
back_to_idle(struct upgrade *upgrade)
{
	event_del(upgrade->timer);
	fd_close(&upgrade->program);
	fd_close(&upgrade->said);
	upgrade->state = UPGRADE_IDLE;
}

static void
refuse(struct upgrade *upgrade, const char *reason)
{
	char text[SAID_MAX];

	log_error("upgrade refused", log_str("program", reexec_path()), log_str("reason", reason));
	snprintf(text, sizeof(text), "%s: %s", reexec_path(), reason);
	control_upgrade_failed(upgrade->control, text);
	back_to_idle(upgrade);
}

static int
collect_listeners(const struct upgrade *upgrade, struct heritage *heritage)
{
	const struct listener *listener;
	size_t listeners = 0, sockets = 0;

	TAILQ_FOREACH (listener, &upgrade->listeners->list, entry) {
		listeners++;
		sockets += listener->socket_count;
	}
	heritage->listeners = calloc(listeners + 1, sizeof(heritage->listeners[0]));
	heritage->sockets = calloc(sockets + 1, sizeof(heritage->sockets[0]));
	if (heritage->listeners == NULL || heritage->sockets == NULL)
		return -1;
	TAILQ_FOREACH (listener, &upgrade->listeners->list, entry) {
		heritage->listeners[heritage->listener_count++] = (struct heritage_listener){
			.asked = listener->asked.storage,
			.asked_size = listener->asked.size,
			.bound = listener->address.storage,
			.bound_size = listener->address.size,
			.device = listener->device,
			.inode = listener->inode,
			.reuse_port = listener->reuse_port,
			.admin = listener->admin,
			.lent = listener->lent,
			.sockets = (uint32_t)listener->socket_count,
		};
		for (size_t i = 0; i < listener->socket_count; i++)
			heritage->sockets[heritage->socket_count++] = (struct heritage_socket){
				.fd = listener->sockets[i].fd,
				.id = listener->sockets[i].id,
			};
	}
	return 0;
}

/* Those of a reload that failed are killed already; to the next program they are nobody. */
static int
collect_children(const struct upgrade *upgrade, struct heritage *heritage)
{
	const struct child *child;
	size_t count = 0;

	TAILQ_FOREACH (child, &upgrade->supervisor->children, entry)
		count++;
	heritage->children = calloc(count + 1, sizeof(heritage->children[0]));
	if (heritage->children == NULL)
		return -1;
	TAILQ_FOREACH (child, &upgrade->supervisor->children, entry) {
		if (!child->generation->undone)
			heritage->children[heritage->child_count++] = child_leave(child);
	}
	return 0;
}

static int
collect_modules(const struct upgrade *upgrade, struct heritage *heritage)
{
	const struct resources *resources = &serving(upgrade)->resources;

	heritage->modules = calloc(resources->module_count + 1, sizeof(heritage->modules[0]));
	if (heritage->modules == NULL)
		return -1;
	for (size_t i = 0; i < resources->module_count; i++)
		heritage->modules[heritage->module_count++] = resources->modules[i];
	return 0;
}

static int
collect_clients(const struct upgrade *upgrade, struct heritage *heritage)
{
	const struct control *control = upgrade->control;

	heritage->clients = calloc(control->count + 1, sizeof(heritage->clients[0]));
	if (heritage->clients == NULL)
		return -1;
	heritage->client_count = control_list_waiting(control, heritage->clients, control->count);
	return 0;
}

/* PROGRAM: what is to be executed again if nothing comes of it. */
static int
collect(const struct upgrade *upgrade, struct heritage *heritage, int program)
{
	const struct supervisor *supervisor = upgrade->supervisor;
	const struct segment_files files = segment_files(upgrade->segment);

	*heritage = (struct heritage){
		.numbers = {
			.generation = serving(upgrade)->number,
			.generations = upgrade->reload->generations,
			.seats = (uint32_t)serving(upgrade)->seat_count,
			.next_socket = upgrade->listeners->next_id,
			.segment = files.fd,
			.segment_readonly = files.readonly_fd,
			.former_segment = files.former_fd,
			.messages = heritage_messages(),
			.former_readonly = files.former_readonly_fd,
			.pid_file = upgrade->pid_file->fd,
			.control = upgrade->control->fd,
			.inbox = { serving(upgrade)->inbox[0], serving(upgrade)->inbox[1] },
			.traces = { supervisor->traces[0], supervisor->traces[1] },
			.config = config_print_file(serving(upgrade)->config),
			.program = program,
			.moved = supervisor->moved,
			.closed = supervisor->closed,
			.cut = supervisor->cut,
		},
	};
	if (heritage->numbers.config < 0 || collect_listeners(upgrade, heritage) != 0 ||
		collect_children(upgrade, heritage) != 0 ||
		collect_modules(upgrade, heritage) != 0 || collect_clients(upgrade, heritage) != 0)
		return -1;
	return 0;
}

/*
 * What a terminal or a service manager sends to all processes, and is for the master, is no reason
 * for a check to end. A mask lasts through the execution.
 */
static void
leave_to_master(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < countof(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

/* In the child, which says on its standard error what is wrong. */
static PF_NORETURN void
check(const struct upgrade *upgrade, int said)
{
	struct heritage heritage;
	struct error error;
	int fd = -1;

	dup2(said, STDERR_FILENO);
	signals_reset();
	notify_forget();
	leave_to_master();
	if (collect(upgrade, &heritage, -1) == 0)
		fd = heritage_write(&heritage, &error);
	if (fd >= 0 && fd_set_cloexec(heritage.numbers.segment, false) == 0)
		reexec(upgrade->program, REEXEC_CHECK, fd, "");
	dprintf(STDERR_FILENO, "it cannot be executed: %s", strerror(errno));
	_exit(EXIT_FAILURE);
}

static int
start_check(struct upgrade *upgrade)
{
	sigset_t before;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	upgrade->said = ends[0];
	upgrade->late = false;
	upgrade->checker = spawn_fork(&before);
	if (upgrade->checker == 0)
		check(upgrade, ends[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	return upgrade->checker > 0 ? 0 : -1;
}

void
upgrade_ask(struct upgrade *upgrade)
{
	if (upgrade->state != UPGRADE_IDLE) {
		log_info("an upgrade is under way already");
		return;
	}
	upgrade->program = reexec_path() != NULL ? open(reexec_path(), O_RDONLY | O_CLOEXEC) : -1;
	if (upgrade->program < 0 || start_check(upgrade) != 0) {
		refuse(upgrade, strerror(errno));
		return;
	}
	upgrade->state = UPGRADE_CHECKING;
	loop_start_timer(
		upgrade->timer, serving(upgrade)->config->start_timeout_ms + CHECK_GRACE_MS);
	log_info("upgrade: the new program is checked", log_str("program", reexec_path()));
}

static void
on_late(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct upgrade *upgrade = arg;

	upgrade->late = true;
	kill(upgrade->checker, SIGKILL);
}

/* Its last words, without the line that they end. */
static void
read_words(const struct upgrade *upgrade, char *words)
{
	const ssize_t got = read(upgrade->said, words, SAID_MAX - 1);

	words[got > 0 ? got : 0] = '\0';
	words[strcspn(words, "\n")] = '\0';
}

static void
check_failed(struct upgrade *upgrade, int status)
{
	char words[SAID_MAX], how[64];

	read_words(upgrade, words);
	signals_describe(status, how, sizeof(how));
	if (upgrade->late)
		refuse(upgrade, "its check did not end within start_timeout");
	else
		refuse(upgrade, WIFEXITED(status) && words[0] != '\0' ? words : how);
}

bool
upgrade_reaped(struct upgrade *upgrade, pid_t pid, int status)
{
	if (upgrade->checker == 0 || pid != upgrade->checker)
		return false;
	upgrade->checker = 0;
	if (upgrade->state != UPGRADE_CHECKING)
		return true;
	event_del(upgrade->timer);
	if (WIFEXITED(status) && WEXITSTATUS(status) == REEXEC_PASSED) {
		upgrade->state = UPGRADE_CHECKED;
		upgrade_look(upgrade);
	} else
		check_failed(upgrade, status);
	return true;
}

/* Returns only if it fails. */
static void
execute(struct upgrade *upgrade)
{
	struct heritage heritage;
	struct error error;
	int old = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = -1;

	if (old < 0) {
		refuse(upgrade, strerror(errno));
		return;
	}
	error_set(&error, "cannot collect what is to be inherited");
	if (collect(upgrade, &heritage, old) == 0)
		fd = heritage_write(&heritage, &error);
	if (fd >= 0 && heritage_set_cloexec(&heritage, false) == 0) {
		log_info("upgrade: the new program is executed", log_str("program", reexec_path()));
		control_leave_moves(upgrade->control);
		reexec(upgrade->program, REEXEC_ADOPT, fd, "");
		error_errno(&error, "cannot execute it");
	}
	if (heritage_set_cloexec(&heritage, true) != 0)
		log_error("descriptors may be inherited that are not meant to be");
	fd_close(&heritage.numbers.config);
	fd_close(&old);
	fd_close(&fd);
	heritage_free(&heritage);
	refuse(upgrade, error.text);
}

void
upgrade_look(struct upgrade *upgrade)
{
	if (upgrade->state == UPGRADE_CHECKED && upgrade->reload->state == RELOAD_IDLE)
		execute(upgrade);
}

int
upgrade_open(struct upgrade *upgrade, struct error *error)
{
	upgrade->timer = evtimer_new(upgrade->supervisor->loop->base, on_late, upgrade);
	return upgrade->timer != NULL ? 0 : error_set(error, "cannot make a timer");
}

void
upgrade_cancel(struct upgrade *upgrade)
{
	if (upgrade->state == UPGRADE_IDLE)
		return;
	log_warn("upgrade given up: the server is about to end");
	control_upgrade_failed(upgrade->control, "the server is about to end");
	if (upgrade->checker > 0)
		kill(upgrade->checker, SIGKILL);
	back_to_idle(upgrade);
}

void
upgrade_close(struct upgrade *upgrade)
{
	if (upgrade->timer == NULL)
		return;
	upgrade_cancel(upgrade);
	event_free(upgrade->timer);
	upgrade->timer = NULL;
}
