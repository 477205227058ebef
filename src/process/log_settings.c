#include <config.h>

#include "process/log_settings.h"

#include <unistd.h>

#include "base/log.h"

void
log_settings_use(struct channel *channel, const struct message *message)
{
	int fd = message->settings.passed ? channel_take_passed(channel) : STDERR_FILENO;
	struct error error;
	struct sink sink;

	if (fd < 0) {
		log_error("the log did not arrive: no descriptor is left");
		return;
	}
	if (sink_adopt(&sink, fd, message->settings.kind, &error) == 0) {
		log_use(&sink, message->settings.format, message->settings.level);
		return;
	}
	log_error("cannot take over the log", log_str("reason", error.text));
	if (message->settings.passed)
		close(fd);
}
