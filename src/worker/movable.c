#include <config.h>

#include "worker/movable.h"

#include <stdlib.h>
#include <sys/param.h>

#include "net/move.h"
#include "worker/session.h"

enum {
	LOOK_MAX = 256, /* connections that are looked at in a turn, whether they can move now */
	ROOM_MIN = 64,
};

void
movable_free(struct movable *movable)
{
	free(movable->ids);
	*movable = (struct movable){ 0 };
}

int
movable_add(struct movable *movable, const struct session *session)
{
	if (movable->count == movable->room) {
		size_t room = MAX(2 * movable->room, ROOM_MIN);
		uint64_t *ids = reallocarray(movable->ids, room, sizeof(*ids));

		if (ids == NULL)
			return -1;
		movable->ids = ids;
		movable->room = room;
	}
	movable->ids[movable->count++] = session->public.id;
	return 0;
}

int
movable_add_next(struct movable *movable, const struct session *session)
{
	movable->cursor = movable->count;
	return movable_add(movable, session);
}

struct session *
movable_find(const struct movable *movable, uint64_t id)
{
	struct connection *connection = connections_find(movable->connections, id);

	return connection != NULL ? container_of(connection, struct session, connection) : NULL;
}

/* Also a request that has had another reply in its place may still be handled. */
bool
movable_is_ready(struct session *session)
{
	return move_is_possible(&session->connection, session->pipeline != NULL);
}

static uint64_t
take_at_cursor(struct movable *movable)
{
	const uint64_t id = movable->ids[movable->cursor];

	movable->ids[movable->cursor] = movable->ids[--movable->count];
	return id;
}

struct session *
movable_seek(struct movable *movable)
{
	const size_t most = MIN(movable->count, LOOK_MAX);

	for (size_t i = 0; i < most; i++) {
		struct session *session;

		if (movable->cursor >= movable->count)
			movable->cursor = 0;
		session = movable_find(movable, movable->ids[movable->cursor]);
		if (session == NULL || session->connection.state != CONNECTION_OPEN)
			take_at_cursor(movable);
		else if (movable_is_ready(session))
			return session;
		else
			movable->cursor++;
	}
	return NULL;
}

unsigned
movable_choose(struct movable *movable, uint64_t *chosen, unsigned most)
{
	unsigned count = 0;

	while (count < most) {
		const struct session *session = movable_seek(movable);

		if (session == NULL || (session->suspect && count > 0))
			break;
		chosen[count++] = take_at_cursor(movable);
	}
	return count;
}

bool
movable_is_long(const struct movable *movable)
{
	return movable->count > LOOK_MAX;
}

struct session *
movable_pop(struct movable *movable)
{
	struct session *session = NULL;

	while (session == NULL && movable->count > 0)
		session = movable_find(movable, movable->ids[--movable->count]);
	return session;
}
