#include <config.h>

#include "master/commands.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "master/generation.h"
#include "master/orders.h"
#include "master/scale.h"
#include "master/state.h"

static void
done(struct control_client *client)
{
	const struct control_reply reply = control_reply_of(client->control);

	control_answer(client, &reply, NULL, 0);
}

static void
status(struct control_client *client, const struct control_request *request PF_UNUSED)
{
	const struct control_reply reply = control_reply_of(client->control);
	const struct segment_files files = segment_files(&client->control->master->segment);
	const int passed[] = { files.readonly_fd, files.former_readonly_fd };

	control_answer(client, &reply, passed, passed[1] >= 0 ? 2 : 1);
}

static void
config(struct control_client *client, const struct control_request *request PF_UNUSED)
{
	const struct control_reply reply = control_reply_of(client->control);
	int fd = config_print_file(client->control->master->supervisor.serving->config);

	if (fd < 0) {
		control_refuse(client, EX_OSERR, strerror(errno));
		return;
	}
	control_answer(client, &reply, &fd, 1);
	close(fd);
}

/* One that is under way was asked for by somebody else, for a configuration of before. */
static void
reload(struct control_client *client, const struct control_request *request PF_UNUSED)
{
	struct reload *reload = &client->control->master->reload;

	client->waits = CONTROL_RELOAD;
	client->skip = reload->state == RELOAD_STARTING;
	reload_ask(reload);
}

static void
upgrade(struct control_client *client, const struct control_request *request PF_UNUSED)
{
	client->waits = CONTROL_UPGRADE;
	upgrade_ask(&client->control->master->upgrade);
}

static void
workers(struct control_client *client, const struct control_request *request)
{
	struct master *master = client->control->master;
	const char *why_not = orders_why_not_scale(master);
	const int64_t before = (int64_t)master->supervisor.serving->seat_count;
	const int64_t wanted = (request->set ? 0 : before) + request->number;
	struct error error;

	if (why_not != NULL)
		control_refuse(client, EX_TEMPFAIL, why_not);
	else if (wanted < 1 || wanted > CONFIG_WORKERS_MAX) {
		error_set(&error, "that would be %lld workers: expected 1 to %d", (long long)wanted,
			CONFIG_WORKERS_MAX);
		control_refuse(client, EX_DATAERR, error.text);
	} else if (scale_to(&master->supervisor, (size_t)wanted, &error) != 0)
		control_refuse(client, EX_TEMPFAIL, error.text);
	else
		done(client);
}

/* STATUS: of relocation_... */
static void
wait_for_moves(struct control_client *client, int status, const struct error *error)
{
	if (status != EX_OK) {
		control_refuse(client, status, error->text);
		return;
	}
	client->waits = CONTROL_MOVE;
	relocation_look(&client->control->master->relocation);
}

static void
move(struct control_client *client, const struct control_request *request)
{
	struct error error;
	const int status = relocation_move(
		&client->control->master->relocation, request->from, request->to, &error);

	wait_for_moves(client, status, &error);
}

static void
rebalance(struct control_client *client, const struct control_request *request PF_UNUSED)
{
	struct error error;
	const int status = relocation_rebalance(&client->control->master->relocation, &error);

	wait_for_moves(client, status, &error);
}

/*
 * The workers write, the client reads, and the master has nothing to do with it. All connections,
 * or the one with the id KILL, which is closed.
 */
static void
ask_workers(struct control_client *client, uint64_t kill)
{
	const struct supervisor *supervisor = &client->control->master->supervisor;
	struct control_reply reply = control_reply_of(client->control);
	const struct child *child;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
		control_refuse(client, EX_OSERR, strerror(errno));
		return;
	}
	TAILQ_FOREACH (child, &supervisor->children, entry) {
		if (child->state < CHILD_RUNNING)
			continue;
		reply.asked++;
		if (child_send_list(child, ends[1], kill) != 0 && errno != EPIPE &&
			errno != ECONNRESET)
			log_warn("a worker does not hear that it is to list its connections",
				log_int("worker", child->seat->number));
	}
	control_answer(client, &reply, &ends[0], 1);
	close(ends[0]);
	close(ends[1]);
}

static void
list(struct control_client *client, const struct control_request *request PF_UNUSED)
{
	ask_workers(client, 0);
}

/* The id 0 is nobody's, and would ask for all. */
static void
kill_one(struct control_client *client, const struct control_request *request)
{
	if (request->id != 0)
		ask_workers(client, request->id);
	else
		control_refuse(client, EX_DATAERR, "no connection has the id 0");
}

static void
log_level(struct control_client *client, const struct control_request *request)
{
	struct supervisor *supervisor = &client->control->master->supervisor;
	const enum log_level level = (enum log_level)request->number;

	if (request->number < LOG_LEVEL_DEBUG || request->number > LOG_LEVEL_ERROR) {
		control_refuse(client, EX_DATAERR, "there is no such level");
		return;
	}
	supervisor->serving->config->log_level = level;
	log_set_level(level);
	supervisor_send_settings(supervisor);
	done(client);
}

/* Its socket ends with the server. */
static void
wait_for_the_end(struct control_client *client, const struct control_request *request)
{
	done(client);
	client->waits = request->command;
}

static void
drain(struct control_client *client, const struct control_request *request)
{
	wait_for_the_end(client, request);
	if (client->control->master->state != MASTER_DRAINING)
		orders_drain(client->control->master);
}

static void
stop(struct control_client *client, const struct control_request *request)
{
	struct master *master = client->control->master;

	wait_for_the_end(client, request);
	if (master->state == MASTER_STOPPING)
		return; /* and perhaps it has failed */
	log_info("stopping at once");
	orders_stop(master, EX_OK);
}

static const struct command {
	void (*run)(struct control_client *client, const struct control_request *request);
	bool always; /* also while the server starts or ends */
} commands[CONTROL__COUNT] = {
	[CONTROL_STATUS] = { .run = status, .always = true },
	[CONTROL_CONFIG] = { .run = config },
	[CONTROL_RELOAD] = { .run = reload },
	[CONTROL_UPGRADE] = { .run = upgrade },
	[CONTROL_MOVE] = { .run = move },
	[CONTROL_REBALANCE] = { .run = rebalance },
	[CONTROL_WORKERS] = { .run = workers },
	[CONTROL_CONNECTIONS] = { .run = list, .always = true },
	[CONTROL_KILL] = { .run = kill_one, .always = true },
	[CONTROL_LOG_LEVEL] = { .run = log_level },
	[CONTROL_DRAIN] = { .run = drain, .always = true },
	[CONTROL_STOP] = { .run = stop, .always = true },
};

void
commands_run(struct control_client *client, const struct control_request *request)
{
	const char *why_not = orders_why_not(client->control->master);
	const struct command *command =
		request->command < CONTROL__COUNT ? &commands[request->command] : NULL;

	if (command == NULL || command->run == NULL)
		control_refuse(client, EX_PROTOCOL, "the server knows no such command");
	else if (!command->always && why_not != NULL)
		control_refuse(client, EX_TEMPFAIL, why_not);
	else
		command->run(client, request);
}
