/* What `preforkd -t` asks a child for: the steps of a worker's start up to chroot. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "process/title.h"
#include "worker/worker.h"

static int
run(struct inheritance *inheritance)
{
	struct worker worker = { .inheritance = inheritance };
	struct message message = { .type = MESSAGE_READY };
	struct error error;

	title_set("check");
	if (worker_drop_privileges(&worker, &error) != 0 ||
		worker_start_services(&worker, &error) != 0 ||
		privilege_confine(inheritance->config, &error) != 0) {
		message.type = MESSAGE_FAILED;
		strlcpy(message.failed.reason, error.text, sizeof(message.failed.reason));
	}
	worker_stop_services(&worker);
	worker_free_services(&worker);
	if (channel_send_fd(inheritance->channel, &message) != 0)
		return EX_OSERR;
	return message.type == MESSAGE_READY ? EXIT_SUCCESS : EX_CONFIG;
}

const struct role check_role = {
	.name = "check",
	.run = run,
};
