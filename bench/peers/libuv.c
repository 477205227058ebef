/*
 * libuv: an echo server with libuv, frames of a 4-byte big-endian length of at most 1 MiB.
 *
 *	libuv [--textbook] PORT WORKERS
 *
 * The replies to all that one read brought are tried at once (uv_try_write) out of a buffer that
 *the loop owns. With --textbook it is what libuv's guide shows: a buffer from malloc for each read,
 *and for each frame a uv_write of a copy.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "processes.h"

enum {
	HEADER_SIZE = 4,
	MESSAGE_MAX = 1 << 20,
	BUFFER_SIZE = 256 << 10,
	PARTIAL_MORE =
		4096, /* room after a partial frame, so that a read of its rest comes short */
	UNSENT_MAX = 1 << 20, /* bytes; with more, a connection is not read from */
};

struct connection {
	uv_tcp_t tcp;
	uv_shutdown_t shutdown; /* once the peer has ended, and replies are unsent */
	char *partial;          /* start of a frame, NULL if there is none */
	size_t partial_have;
	size_t partial_size; /* of the whole frame; while its header is not whole, that of a header
	                      */
};

struct reply {
	uv_write_t request;
	char bytes[];
};

static bool textbook;
static char loop_buffer[BUFFER_SIZE];

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer);

/* Size of the frame with its header, 0 if no such frame is allowed. */
static size_t
frame_size(const char *header)
{
	uint32_t size;

	memcpy(&size, header, sizeof(size));
	size = ntohl(size);
	return size <= MESSAGE_MAX ? HEADER_SIZE + size : 0;
}

static void
on_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;

	free(connection->partial);
	free(connection);
}

static void
close_connection(uv_stream_t *stream)
{
	if (!uv_is_closing((uv_handle_t *)stream))
		uv_close((uv_handle_t *)stream, on_closed);
}

static void
on_shutdown(uv_shutdown_t *request, int status)
{
	(void)status;
	close_connection(request->handle);
}

/* A partial frame is completed where it stands; all else comes into the buffer of the loop. */
static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct connection *connection = handle->data;

	(void)suggested;
	if (connection->partial != NULL)
		*buffer = uv_buf_init(connection->partial + connection->partial_have,
			(unsigned int)(connection->partial_size + PARTIAL_MORE -
				connection->partial_have));
	else
		*buffer = uv_buf_init(loop_buffer, sizeof(loop_buffer));
}

static void
on_written(uv_write_t *request, int status)
{
	uv_stream_t *stream = request->handle;

	free(request->data);
	if (status < 0)
		close_connection(stream);
	else if (!uv_is_closing((uv_handle_t *)stream) &&
		uv_stream_get_write_queue_size(stream) <= UNSENT_MAX)
		uv_read_start(stream, on_alloc, on_read);
}

static void
write_copy(uv_stream_t *stream, const char *bytes, size_t size)
{
	struct reply *reply = malloc(sizeof(*reply) + size);
	const uv_buf_t buffer =
		uv_buf_init(reply != NULL ? reply->bytes : NULL, (unsigned int)size);

	if (reply == NULL) {
		close_connection(stream);
		return;
	}
	memcpy(reply->bytes, bytes, size);
	reply->request.data = reply;
	if (uv_write(&reply->request, stream, &buffer, 1, on_written) < 0) {
		free(reply);
		close_connection(stream);
	} else if (uv_stream_get_write_queue_size(stream) > UNSENT_MAX) {
		uv_read_stop(stream);
	}
}

/* Writes the SIZE bytes of whole frames, at once as far as the socket takes them. */
static void
write_frames(uv_stream_t *stream, char *frames, size_t size)
{
	const uv_buf_t buffer = uv_buf_init(frames, (unsigned int)size);
	int written = uv_try_write(stream, &buffer, 1);

	if (written == UV_EAGAIN)
		written = 0;
	if (written < 0)
		close_connection(stream);
	else if ((size_t)written < size)
		write_copy(stream, frames + written, size - (size_t)written);
}

/* Answers the whole frames among the bytes; returns their size. *GOOD: nothing was out of bounds.
 */
static size_t
answer(uv_stream_t *stream, char *bytes, size_t have, bool *good)
{
	size_t at = 0;

	while (*good && have - at >= HEADER_SIZE) {
		const size_t size = frame_size(bytes + at);

		*good = size != 0;
		if (size > have - at)
			break;
		if (textbook && *good)
			write_copy(stream, bytes + at, size);
		at += size;
	}
	if (!textbook && at > 0)
		write_frames(stream, bytes, at);
	return at;
}

/* Keeps what came of a frame, with room for its rest and for the start of others. */
static bool
keep_partial(struct connection *connection, const char *bytes, size_t have)
{
	const size_t size = have < HEADER_SIZE ? HEADER_SIZE : frame_size(bytes);

	connection->partial = malloc(size + PARTIAL_MORE);
	if (connection->partial == NULL)
		return false;
	memcpy(connection->partial, bytes, have);
	connection->partial_have = have;
	connection->partial_size = size;
	return true;
}

/* False: the connection is to be closed. */
static bool
take_bytes(uv_stream_t *stream, char *bytes, size_t have)
{
	bool good = true;
	const size_t done = answer(stream, bytes, have, &good);

	return good && (done == have || keep_partial(stream->data, bytes + done, have - done));
}

/* As many bytes as GOT have been read behind the partial frame. As take_bytes. */
static bool
complete_partial(uv_stream_t *stream, struct connection *connection, size_t got)
{
	char *partial = connection->partial;
	bool good;

	connection->partial_have += got;
	if (connection->partial_have < connection->partial_size)
		return true;
	connection->partial = NULL;
	good = take_bytes(stream, partial, connection->partial_have);
	free(partial);
	return good;
}

static void
on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct connection *connection = stream->data;
	bool good = got >= 0;

	if (got > 0 && connection->partial != NULL)
		good = complete_partial(stream, connection, (size_t)got);
	else if (got > 0)
		good = take_bytes(stream, buffer->base, (size_t)got);
	if (got == UV_EOF && uv_stream_get_write_queue_size(stream) > 0)
		uv_shutdown(&connection->shutdown, stream, on_shutdown);
	else if (!good)
		close_connection(stream);
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct connection *connection = status == 0 ? calloc(1, sizeof(*connection)) : NULL;

	if (connection == NULL)
		return;
	uv_tcp_init(listener->loop, &connection->tcp);
	connection->tcp.data = connection;
	if (uv_accept(listener, (uv_stream_t *)&connection->tcp) < 0 ||
		uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read) < 0)
		close_connection((uv_stream_t *)&connection->tcp);
}

static void
run_worker(int listener)
{
	uv_tcp_t tcp;

	uv_tcp_init(uv_default_loop(), &tcp);
	if (uv_tcp_open(&tcp, listener) < 0 ||
		uv_listen((uv_stream_t *)&tcp, SOMAXCONN, on_connection) < 0)
		processes_fail("listen");
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

int
main(int argc, char **argv)
{
	textbook = argc > 1 && strcmp(argv[1], "--textbook") == 0;
	processes_run(argc, argv, false, run_worker);
}
