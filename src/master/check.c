/*
 * preforkd -t: everything that a start would find wrong, without a start. Modules are loaded in a
 * throw-away child that is as unprivileged as a worker.
 */
#include <config.h>

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/sink.h"
#include "config/place.h"
#include "master/master.h"
#include "master/resources.h"
#include "master/stage.h"
#include "process/messages.h"
#include "process/signals.h"
#include "process/spawn.h"

enum heard {
	HEARD_READY,
	HEARD_REASON,
	HEARD_NOTHING, /* it ended without a word */
	HEARD_LATE,
};

static enum heard
hear_one(int channel, int64_t timeout_ms, struct message *message)
{
	struct pollfd ready = { .fd = channel, .events = POLLIN };
	int polled;

	do
		polled = poll(&ready, 1, (int)timeout_ms);
	while (polled < 0 && errno == EINTR);
	if (polled == 0)
		return HEARD_LATE;
	if (recv(channel, message, sizeof(*message), 0) != (ssize_t)sizeof(*message))
		return HEARD_NOTHING;
	message->failed.reason[MESSAGE_REASON_MAX - 1] = '\0';
	return message->type == MESSAGE_READY ? HEARD_READY : HEARD_REASON;
}

/*
 * Waits for how it went. *SERVICE is the service that it was starting; a reason goes to ERROR.
 * Each service has TIMEOUT_MS for itself.
 */
static enum heard
hear(int channel, int64_t timeout_ms, uint32_t *service, struct error *error)
{
	struct message message;
	enum heard heard;

	*service = STAGE_NONE;
	while ((heard = hear_one(channel, timeout_ms, &message)) == HEARD_REASON) {
		if (message.type != MESSAGE_STARTING) {
			error_set(error, "%s", message.failed.reason);
			break;
		}
		*service = message.service;
	}
	return heard;
}

static int
judge(enum heard heard, int status, struct error *error)
{
	char how[64];

	switch (heard) {
	case HEARD_READY:
		if (status == 0)
			return 0;
		break;
	case HEARD_REASON:
		return -1;
	case HEARD_NOTHING:
		break;
	case HEARD_LATE:
		return error_set(error, "the module did not start within start_timeout");
	}
	signals_describe(status, how, sizeof(how));
	return error_set(error, "the module ended its process: %s", how);
}

static int
check_modules(const struct config *config, const struct resources *resources,
	const struct role *role, struct error *error)
{
	const struct inheritance inheritance = {
		.traces = -1,
		.inbox = -1,
		.config = config,
		.identity = &resources->identity,
		.modules = resources->modules,
		.number = 1,
	};
	int channel, status = 0;
	uint32_t service;
	enum heard heard;
	pid_t pid = spawn(role, &inheritance, &channel, error);

	if (pid < 0)
		return -1;
	heard = hear(channel, config->start_timeout_ms, &service, error);
	close(channel);
	if (heard == HEARD_LATE)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (judge(heard, status, error) == 0)
		return 0;
	return heard == HEARD_REASON ? -1 : stage_error(config, service, error);
}

/* Whether a file at PATH could be written or made, without making it. */
static int
check_writable(const char *path, struct error *error)
{
	char folder[PATH_MAX];

	if (path_check(path, error) != 0)
		return -1;
	if (access(path, F_OK) == 0)
		return access(path, W_OK) == 0 ? 0
					       : error_errno(error, "cannot write \"%s\"", path);
	strlcpy(folder, path, sizeof(folder));
	if (access(dirname(folder), W_OK | X_OK) == 0)
		return 0;
	return error_errno(error, "cannot make \"%s\"", path);
}

/* What a start would open, without making a file. */
static int
check_log(const char *target, struct error *error)
{
	struct sink sink;

	if (strcmp(target, "stderr") != 0 && strcmp(target, "syslog") != 0)
		return check_writable(target, error);
	if (sink_open(&sink, target, error) != 0)
		return -1;
	sink_close(&sink);
	return 0;
}

static int
check_files(const struct config *config, struct error *error)
{
	if (check_log(config->log_target, error) != 0)
		return place_error(error, &config->log_target_place, "log.target");
	if (config->pid_file[0] != '\0' && check_writable(config->pid_file, error) != 0)
		return place_error(error, &config->pid_file_place, "pid_file");
	return 0;
}

int
master_check(const struct config *config, const struct roles *roles, struct error *error)
{
	struct resources resources;
	int failed;

	if (check_files(config, error) != 0 || resources_open(&resources, config, error) != 0)
		return -1;
	failed = check_modules(config, &resources, roles->check, error);
	resources_close(&resources);
	return failed;
}
