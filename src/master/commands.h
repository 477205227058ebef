/* What preforkctl(8) may ask for: a row each. On the master's loop. */
#ifndef MASTER_COMMANDS_H
#define MASTER_COMMANDS_H

#include "master/control.h"

/* Does what REQUEST asks for; answers CLIENT, or has it wait. */
void commands_run(struct control_client *client, const struct control_request *request);

#endif
