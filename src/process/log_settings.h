/* The log of a child, as its master says: MESSAGE_SETTINGS. */
#ifndef PROCESS_LOG_SETTINGS_H
#define PROCESS_LOG_SETTINGS_H

#include "process/channel.h"

/* Has the log that MESSAGE names; the descriptor may come along on CHANNEL. Says what fails. */
void log_settings_use(struct channel *channel, const struct message *message);

#endif
