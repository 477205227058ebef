#include <config.h>

#include "tools/ctl/roster.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sysexits.h>

#include "base/text.h"

enum {
	ROOM_MIN = 256,
	PATIENCE_MS = 10000, /* for a worker that does not answer */
};

static int
add_rows(struct roster *roster, const struct control_rows *packet, struct error *error)
{
	if (packet->count == 0)
		return EX_OK;
	if (roster->count + packet->count > roster->room) {
		const size_t room = MAX(2 * roster->room, ROOM_MIN);
		struct control_row *rows =
			reallocarray(roster->rows, room, sizeof(roster->rows[0]));

		if (rows == NULL) {
			error_errno(error, "cannot keep the list");
			return EX_OSERR;
		}
		roster->rows = rows;
		roster->room = room;
	}
	memcpy(&roster->rows[roster->count], packet->rows, packet->count * sizeof(packet->rows[0]));
	roster->count += packet->count;
	return EX_OK;
}

static bool
is_sound(const struct control_rows *packet, ssize_t got)
{
	return got >= (ssize_t)control_rows_size(0) && packet->version == CONTROL_VERSION &&
		packet->count <= CONTROL_ROWS && got == (ssize_t)control_rows_size(packet->count);
}

/* Returns an exit status; the end is *GOT 0. Counts workers that have no more rows. */
static int
next_packet(int fd, struct roster *roster, uint32_t *ended, ssize_t *got, struct error *error)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int none[CONTROL_FILES_MAX];
	struct control_rows packet;

	if (poll(&ready, 1, PATIENCE_MS) == 0) {
		error_set(error, "a worker does not say what its connections are");
		return EX_TEMPFAIL;
	}
	*got = control_receive(fd, &packet, sizeof(packet), none);
	if (*got < 0 && errno != EINTR && errno != EAGAIN) {
		error_errno(error, "cannot read the list");
		return EX_IOERR;
	}
	if (*got <= 0)
		return EX_OK;
	if (!is_sound(&packet, *got)) {
		error_set(error, "the list makes no sense to this preforkctl");
		return EX_PROTOCOL;
	}
	*ended += packet.last == 1;
	return add_rows(roster, &packet, error);
}

static int
by_id_and_age(const void *a, const void *b)
{
	const struct control_row *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->age_ms > y->age_ms ? -1 : x->age_ms < y->age_ms;
}

/* One that moved meanwhile may have been in two workers; what was said last holds. */
static void
sort(struct roster *roster)
{
	size_t kept = 0;

	if (roster->count > 0)
		qsort(roster->rows, roster->count, sizeof(roster->rows[0]), by_id_and_age);
	for (size_t i = 0; i < roster->count; i++) {
		if (kept == 0 || roster->rows[kept - 1].id != roster->rows[i].id)
			roster->rows[kept++] = roster->rows[i];
	}
	roster->count = kept;
}

int
roster_read(struct roster *roster, struct link *link, const struct control_request *request,
	struct error *error)
{
	struct answer answer;
	uint32_t ended = 0;
	ssize_t got = -1;
	int status = link_ask(link, request, &answer, error);

	while (status == EX_OK && got != 0)
		status = next_packet(answer.files[0], roster, &ended, &got, error);
	roster->complete = status == EX_OK && ended == answer.reply.asked;
	answer_close(&answer);
	sort(roster);
	return status;
}

void
roster_free(struct roster *roster)
{
	free(roster->rows);
	*roster = (struct roster){ 0 };
}

const char *
roster_state(const struct control_row *row)
{
	static const char *const words[] = {
		[CONTROL_OPEN] = "open",
		[CONTROL_CLOSING] = "closing",
		[CONTROL_MOVING] = "moving",
	};

	return row->state < CONTROL_STATE__COUNT ? words[row->state] : "unknown";
}

void
roster_peer(const struct control_row *row, char text[static ADDRESS_TEXT_MAX])
{
	struct address address = { .size = MIN(row->peer_size, sizeof(row->peer)) };
	struct text line = { .data = text, .room = ADDRESS_TEXT_MAX - 1 };
	char raw[ADDRESS_TEXT_MAX] = "unknown";

	address.storage = row->peer;
	if (row->peer_size > 0)
		address_print(&address, raw);
	text_add_line(&line, raw);
	text[line.size] = '\0';
}
