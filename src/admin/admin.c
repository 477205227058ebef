#include <config.h>

#include "admin/admin.h"

#include <signal.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "admin/agent.h"
#include "admin/http.h"
#include "admin/traces.h"
#include "base/compiler.h"
#include "base/log.h"
#include "process/channel.h"
#include "process/log_settings.h"
#include "process/loop.h"
#include "process/privilege.h"
#include "process/signals.h"
#include "process/title.h"

enum {
	DESCRIPTORS_MAX = 256,
	TICK_MS = 1000,
};

struct admin {
	struct inheritance *inheritance;
	struct loop loop;
	struct signals signals;
	struct channel channel;
	struct http *http;
	struct agent *agent;
	struct event *tick;
	struct traces *traces; /* NULL: there are none */
	bool ending;
};

static void
on_finished(void *arg)
{
	struct admin *admin = arg;

	loop_stop(&admin->loop);
}

/* Nothing is answered any more; what workers have said of requests goes out, if it can. */
static void
end(struct admin *admin)
{
	agent_close(&admin->agent);
	http_close(&admin->http);
	if (admin->traces == NULL)
		loop_stop(&admin->loop);
	else if (!admin->ending)
		traces_finish(admin->traces);
	admin->ending = true;
}

static void
on_term(void *arg)
{
	end(arg);
}

static const struct signal_row signal_rows[] = {
	{ SIGTERM, on_term },
	SIGNALS_OF_THE_MASTER,
};

/* Without a master there is nothing to tell of any more. */
static void
on_message(void *arg, const struct message *message)
{
	struct admin *admin = arg;

	if (message == NULL)
		end(admin);
	else if (message->type == MESSAGE_SETTINGS)
		log_settings_use(&admin->channel, message);
}

static void
on_tick(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct admin *admin = arg;

	segment_tidy(admin->inheritance->segment);
}

static int
start_tick(struct admin *admin, struct error *error)
{
	const struct timeval interval = loop_timeval(TICK_MS);

	admin->tick = event_new(admin->loop.base, -1, EV_PERSIST, on_tick, admin);
	if (admin->tick == NULL || event_add(admin->tick, &interval) != 0)
		return error_set(error, "cannot make a timer");
	return 0;
}

/* So many clients are enough. */
static void
limit_clients(void)
{
	const struct rlimit limit = { DESCRIPTORS_MAX, DESCRIPTORS_MAX };

	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warn("the admin process takes any number of clients");
}

static int
open_traces(struct admin *admin, struct error *error)
{
	const struct inheritance *inheritance = admin->inheritance;

	if (inheritance->config->traces_endpoint[0] == '\0')
		return 0;
	admin->traces =
		traces_open(&admin->loop, inheritance, &admin->channel, on_finished, admin, error);
	return admin->traces != NULL ? 0 : -1;
}

static int
start(struct admin *admin, struct error *error)
{
	const struct inheritance *inheritance = admin->inheritance;

	limit_clients();
	if (privilege_drop(inheritance->identity, error) != 0 ||
		segment_attach_to_read(inheritance->segment, error) != 0 ||
		loop_open(&admin->loop, error) != 0 ||
		signals_open(&admin->signals, &admin->loop, signal_rows, countof(signal_rows),
			admin, error) != 0)
		return -1;
	if (start_tick(admin, error) != 0 ||
		channel_open(&admin->channel, inheritance->channel, &admin->loop, on_message, admin,
			error) != 0)
		return -1;
	admin->channel.takes_passed = true;
	admin->http = http_open(&admin->loop, inheritance, error);
	if (admin->http == NULL)
		return -1;
	admin->agent = agent_open(&admin->loop, inheritance, error);
	if (admin->agent == NULL || open_traces(admin, error) != 0)
		return -1;
	return privilege_confine(inheritance->config, error);
}

static void
stop(struct admin *admin)
{
	agent_close(&admin->agent);
	http_close(&admin->http);
	traces_close(&admin->traces);
	channel_close(&admin->channel);
	if (admin->tick != NULL)
		event_free(admin->tick);
	signals_close(&admin->signals);
	loop_close(&admin->loop);
}

static int
run(struct inheritance *inheritance)
{
	struct admin admin = {
		.inheritance = inheritance,
		.signals = { .fd = -1 },
		.channel = { .fd = -1 },
	};
	struct error error;
	int status = EX_OK;

	title_set("admin");
	if (start(&admin, &error) == 0)
		loop_run(&admin.loop);
	else {
		log_error("the admin process cannot start", log_str("reason", error.text));
		status = EX_SOFTWARE;
	}
	stop(&admin);
	return status;
}

const struct role admin_role = {
	.name = "admin",
	.run = run,
};
