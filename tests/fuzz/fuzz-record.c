/*
 * What one worker makes of what another one, perhaps of another version, says when connections
 * change hands: doc/handover.md. The input is a parcel, a head and its fields. It is parsed, sent
 * through a real conversation and restored as the worker that takes it would, but not served; and
 * it is taken for what else comes over these sockets.
 *
 * A connection that was restored is saved again, and that has to stand for the same connection.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "fuzz.h"
#include "net/move.h"
#include "process/connection_fields.h"
#include "worker/conversation.h"
#include "worker/session_record.h"

enum {
	INPUT_MAX = 16384,
	PASSED_MAX = 2,
	NOW_MS = 100000, /* the clock stands still */
	KEPT_FORMAT = 7,
};

#define must(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* What the module of the second service knows of a connection. */
struct note {
	size_t size;
	char bytes[];
};

static ptrdiff_t
keep_save(struct pf_connection *connection, void *buffer, size_t size)
{
	const struct note *note = connection->state;

	if (note == NULL)
		return 0;
	memcpy(buffer, note->bytes, MIN(note->size, size));
	return (ptrdiff_t)note->size;
}

static int
keep_restore(struct pf_connection *connection, struct pf_span saved)
{
	struct note *note;

	if (saved.size > PF_SAVE_MAX || (saved.size > 0 && ((const char *)saved.data)[0] == '!'))
		return -1;
	note = malloc(sizeof(*note) + saved.size);
	must(note != NULL);
	note->size = saved.size;
	memcpy(note->bytes, saved.data, saved.size);
	connection->state = note;
	return 0;
}

static bool
on_closed(struct connection *connection, enum close_reason reason PF_UNUSED)
{
	struct session *session = container_of(connection, struct session, connection);

	connection_forget(connection);
	free(session->public.state);
	free(session);
	return true;
}

static const struct connection_ops ops = { .closed = on_closed };

static char main_name[] = "main", kept_name[] = "kept";

/* As preforkd has it by default, for the records in the corpus that it wrote. */
static const struct config_service main_config = {
	.name = main_name,
	.framing = WIRE_LENGTH,
	.length_bytes = 4,
	.max_output = 1 << 20,
	.read_timeout_ms = 10000,
	.write_timeout_ms = 10000,
};

static const struct config_service kept_config = {
	.name = kept_name,
	.framing = WIRE_LINE,
	.length_bytes = 4,
	.max_connections_per_ip = 3,
	.max_output = 64,
	.read_timeout_ms = 1000,
	.write_timeout_ms = 2000,
	.idle_timeout_ms = 3000,
	.heartbeat_ms = 500,
	.heartbeat_timeout_ms = 500,
};

static struct service services[] = {
	{ .config = &main_config,
		.module = { .name = "echo" },
		.wire = { .max_message = 1 << 20 },
		.id = 0 },
	{ .config = &kept_config,
		.module = { .name = "keeper",
			.save = keep_save,
			.restore = keep_restore,
			.save_format = KEPT_FORMAT },
		.wire = { .max_message = 5000 },
		.id = 1 },
};

static struct segment segment;
static struct loop loop;
static struct network *network;
static int client[2];   /* a connection: our end, and the client's */
static int next_number; /* of a descriptor; another one later, and one has been left open */

static int
free_descriptor(void)
{
	const int fd = dup(client[0]);

	must(fd >= 0);
	close(fd);
	return fd;
}

static void
begin(void)
{
	struct error error;

	must(segment_create(&segment, &error) == 0);
	segment.own = &segment.slots[0];
	must(loop_open(&loop, &error) == 0);
	loop.now_ms = NOW_MS;
	network = network_open(&loop, &segment, 0, &ops, &error);
	must(network != NULL);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, client) == 0);
	next_number = free_descriptor();
}

static void
send_bytes(int to, const void *data, size_t size, const int *passed, size_t count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(PASSED_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec part = { (void *)(uintptr_t)data, size };
	struct msghdr head = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count > 0) {
		head.msg_control = &control;
		head.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), passed, count * sizeof(int));
	}
	must(sendmsg(to, &head, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size);
}

/* Sends the input as conversation_send does what it means: in one piece, or in a file apart. */
static void
send_parcel(int to, const uint8_t *data, size_t size, size_t passed_count)
{
	int passed[PASSED_MAX] = { client[0], -1 };
	struct record_head head;

	if (size > sizeof(head))
		memcpy(&head, data, sizeof(head));
	if (size <= sizeof(head) || (head.flags & RECORD_APART) == 0 || passed_count == 0) {
		send_bytes(to, data, size, passed, passed_count);
		return;
	}
	passed[1] = memfd_create("fields", MFD_CLOEXEC);
	must(passed[1] >= 0);
	must(pwrite(passed[1], data + sizeof(head), size - sizeof(head), 0) ==
		(ssize_t)(size - sizeof(head)));
	send_bytes(to, data, sizeof(head), passed, 2);
	close(passed[1]);
}

static void
must_be_same(const struct record_field *fields, const struct record_field *again, unsigned tag)
{
	must(fields[tag].size == again[tag].size);
	if (fields[tag].size > 0)
		must(memcmp(fields[tag].data, again[tag].data, fields[tag].size) == 0);
}

/* What SAVED says is what the connection was restored from. */
static void
compare(struct span before, const struct record *saved)
{
	struct record_field fields[FIELD__COUNT], again[FIELD__COUNT];

	must(record_parse(before, fields, FIELD__COUNT) == 0);
	must(record_parse((struct span){ saved->data, saved->size }, again, FIELD__COUNT) == 0);
	must_be_same(fields, again, FIELD_SERVICE);
	must_be_same(fields, again, FIELD_FRAMING);
	must_be_same(fields, again, FIELD_MODULE);
	must_be_same(fields, again, FIELD_MODULE_STATE);
	must_be_same(fields, again, FIELD_INPUT);
	must_be_same(fields, again, FIELD_OUTPUT);
	must(record_number(&fields[FIELD_REQUESTS], 0) == record_number(&again[FIELD_REQUESTS], 0));
}

/* A connection has come out of PARCEL. It is saved to RECORD, and gone. */
static void
give_again(struct session *session, uint64_t id, struct record *record)
{
	must(connections_find(&network->connections, id) == &session->connection);
	must(network->open_count == 1 && admission_counts(&segment, 1));
	must(session->connection.state == CONNECTION_OPEN);
	must(session_save(session, record) == TAKE_NONE);
	must(session->connection.state == CONNECTION_MOVING);
	move_end(&session->connection);
}

static struct session *
take(struct parcel *parcel)
{
	const int fd = parcel->fd;
	struct session *session;
	const enum refusal_to_take refusal =
		session_restore(&session, network, services, countof(services), parcel);

	must((refusal == TAKE_NONE) == (session != NULL));
	must(conversation_reason(refusal) != NULL);
	must(parcel->fd == -1 || (session == NULL && parcel->fd == fd));
	return session;
}

static void
must_be_gone(void)
{
	network_sweep(network);
	must(network->open_count == 0 && network->connections.count == 0);
	must(admission_counts(&segment, 0));
}

/* What RECORD says of a connection arrives over a conversation, too. */
static struct session *
take_sent(const struct record *record, uint64_t id)
{
	char buffer[PARCEL_INLINE];
	struct parcel parcel;
	struct session *session;
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	must(conversation_send(ends[0], record, id, client[0]) == 0);
	must(conversation_receive(ends[1], &parcel, buffer) == 1);
	must(parcel.head.id == id);
	session = take(&parcel);
	parcel_drop(&parcel);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return session;
}

/* Restores PARCEL, saves it, restores what was saved, and saves that: which must be the same. */
static void
move_twice(struct parcel *parcel)
{
	const uint64_t id = parcel->head.id;
	struct record first = { 0 }, second = { 0 };
	struct session *session = take(parcel);

	if (session != NULL) {
		give_again(session, id, &first);
		must_be_gone();
		compare(parcel->fields, &first);
		session = take_sent(&first, id);
		must(session != NULL);
		give_again(session, id, &second);
		must(first.size == second.size);
		must(memcmp(first.data, second.data, first.size) == 0);
	}
	must_be_gone();
	record_free(&first);
	record_free(&second);
}

static void
converse(const uint8_t *data, size_t size, size_t passed_count)
{
	char buffer[PARCEL_INLINE];
	struct parcel parcel;
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	send_parcel(ends[0], data, size, passed_count);
	fd_close(&ends[0]);
	while (conversation_receive(ends[1], &parcel, buffer) == 1) {
		move_twice(&parcel);
		parcel_drop(&parcel);
	}
	close(ends[1]);
}

/* The same bytes as answers, and as an offer. */
static void
take_for_others(const uint8_t *data, size_t size)
{
	const int passed[PASSED_MAX] = { client[0], client[1] };
	struct answer answer;
	int ends[2], fd;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	send_bytes(ends[0], data, size, NULL, 0);
	while (conversation_next_answer(ends[1], &answer) == 1)
		;
	fd_close(&ends[0]);
	fd_close(&ends[1]);

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	send_bytes(ends[0], data, size, passed, data[0] % (PASSED_MAX + 1));
	fd = conversation_accept(ends[1]);
	must((fd >= 0) == (data[0] % (PASSED_MAX + 1) > 0));
	fd_close(&fd);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void
parse(const uint8_t *data, size_t size)
{
	struct record_field fields[FIELD__COUNT];
	struct record_head head = { 0 };

	memcpy(&head, data, MIN(size, sizeof(head)));
	if (size >= sizeof(head) && record_head_is_known(&head)) {
		data += sizeof(head);
		size -= sizeof(head);
	}
	if (record_parse((struct span){ (const char *)data, size }, fields, FIELD__COUNT) != 0)
		return;
	for (unsigned tag = 0; tag < FIELD__COUNT; tag++) {
		const uint64_t number = record_number(&fields[tag], tag);

		must(fields[tag].data != NULL || (fields[tag].size == 0 && number == tag));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (network == NULL)
		begin();
	if (size == 0 || size > INPUT_MAX)
		return 0;
	parse(data, size);
	converse(data, size, 1);
	converse(data, size, 0);
	take_for_others(data, size);
	must(free_descriptor() == next_number);
	return 0;
}
