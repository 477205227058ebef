/* A listener of the admin process that can accept nothing rests for a moment. */
#ifndef ADMIN_REST_H
#define ADMIN_REST_H

#include <event2/listener.h>

/* Has LISTENER do so: its connections stay in the queue, and trying again at once only spins. */
void rest_on_error(struct evconnlistener *listener);

#endif
