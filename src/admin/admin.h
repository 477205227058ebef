/*
 * The admin process: answers HTTP about the server. It sees the shared memory, which it cannot
 * change, and can command nothing; what is sent to it, however much or bad, concerns it alone.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "process/role.h"

extern const struct role admin_role;

#endif
