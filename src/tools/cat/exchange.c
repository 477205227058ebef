#include <config.h>

#include "tools/cat/exchange.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/cat/output.h"
#include "tools/cat/receiver.h"
#include "tools/cat/sender.h"

enum {
	PROGRESS_MAX = 64,
	LINGER_MS = 2000, /* for the server's close, when no reply is expected */
};

enum phase {
	PHASE_SENDING,
	PHASE_RECEIVING,
};

/* A function of it that returns a status other than 0 has filled the error. */
struct exchange {
	const struct options *options;
	const struct source *source;
	struct error *error;
	int fd;
	enum phase phase;
	int64_t replies;
	int64_t progress_ms; /* when the server last took or sent something, or had nothing to do */
	struct receiver receiver;
	struct output output;
	struct sender sender;
};

PF_PRINTF(2, 3)
static void
say(const struct exchange *x, const char *format, ...)
{
	va_list args;

	if (!x->options->verbose)
		return;
	va_start(args, format);
	vwarnx(format, args);
	va_end(args);
}

static bool
expects_reply(const struct exchange *x)
{
	return !x->options->no_reply && x->replies < x->source->taken;
}

static bool
finished(const struct exchange *x)
{
	return x->phase == PHASE_RECEIVING && !expects_reply(x);
}

/* How far things have come: "3 of 5 replies". */
static void
describe(const struct exchange *x, char text[static PROGRESS_MAX])
{
	int64_t total = source_total(x->source);

	snprintf(text, PROGRESS_MAX, "%" PRId64 " of %" PRId64 " %s", x->replies, total,
		total == 1 ? "reply" : "replies");
}

/* Says WHAT the server did, and how far things had come. Returns STATUS. */
static int
server_ended(struct exchange *x, int status, const char *what)
{
	bool cut = x->source->lines && !x->source->ended;
	char progress[PROGRESS_MAX];

	describe(x, progress);
	if (x->options->no_reply)
		error_set(x->error, "%s before everything was sent", what);
	else
		error_set(x->error, "%s after %s%s", what, progress,
			cut ? ", and standard input had not ended" : "");
	return status;
}

static int
timed_out(struct exchange *x)
{
	const char *why = sender_pending(&x->sender) ? ": the server does not read" : "";
	double seconds = (double)x->options->timeout_ms / 1000;
	char progress[PROGRESS_MAX];

	describe(x, progress);
	if (x->options->no_reply)
		error_set(x->error, "timed out after %gs%s", seconds, why);
	else
		error_set(x->error, "timed out after %gs with %s%s", seconds, progress, why);
	return EX_TEMPFAIL;
}

/* Takes messages from the source, and notices when all of them are sent. */
static int
fill(struct exchange *x)
{
	if (sender_fill(&x->sender, x->error) != 0)
		return EX_IOERR;
	if (!x->sender.ended || x->phase != PHASE_SENDING)
		return 0;
	x->phase = PHASE_RECEIVING;
	if (x->options->half_close || x->options->no_reply) {
		shutdown(x->fd, SHUT_WR);
		say(x, "closed the sending side");
	}
	return 0;
}

/* Takes it at once, so that a server's close behind the last reply is no failure. */
static int
read_input(struct exchange *x)
{
	if (source_read(x->sender.source, x->error) != 0)
		return EX_IOERR;
	return fill(x);
}

/* After a failure, what the server sent before is still to be read. */
static void
send_some(struct exchange *x)
{
	size_t sent = sender_send(&x->sender, x->fd);

	if (x->sender.failed != 0)
		say(x, "cannot send any more: %s", strerror(x->sender.failed));
	if (sent == 0)
		return;
	x->progress_ms = clock_monotonic_ms();
	say(x, "sent %zu bytes", sent);
}

static int
not_a_frame(struct exchange *x, const struct wire_frame *frame)
{
	char what[160];

	if (frame->error == WIRE_ERROR_TOO_LONG)
		snprintf(what, sizeof(what),
			"the server sent no frame (its length would be %" PRIu64
			", over --max-size %zu)",
			frame->announced, x->options->framing.wire.max_message);
	else
		snprintf(what, sizeof(what), "the server sent no frame (%s)",
			wire_error_text(frame->error));
	return server_ended(x, EX_PROTOCOL, what);
}

static int
take_reply(struct exchange *x, const struct wire_frame *frame)
{
	struct span message = wire_message(frame);

	x->replies++;
	say(x, "reply %" PRId64 ": %zu bytes", x->replies, message.size);
	return output_reply(&x->output, message, x->error) == 0 ? 0 : EX_IOERR;
}

/* Prints the whole frames that have come, but none after the last that is expected. */
static int
take_replies(struct exchange *x)
{
	struct wire_frame frame = { 0 };
	enum wire_status status = WIRE_MORE;
	int failed = 0;

	while (failed == 0 && !finished(x)) {
		status = receiver_next(&x->receiver, &frame);
		if (status != WIRE_FRAME)
			break;
		failed = take_reply(x, &frame);
	}
	if (failed != 0 || finished(x))
		return failed;
	if (status == WIRE_ERROR)
		return not_a_frame(x, &frame);
	return receiver_make_room(&x->receiver, frame.size, x->error) == 0 ? 0 : EX_IOERR;
}

/* What is left may be a last line without its end. */
static int
end_of_file(struct exchange *x)
{
	enum wire_status status = WIRE_FRAME;
	struct wire_frame frame;
	int failed = 0;

	if (receiver_pending(&x->receiver) > 0) {
		status = receiver_finish(&x->receiver, &frame);
		if (status == WIRE_FRAME)
			failed = take_reply(x, &frame);
	}
	if (failed != 0 || finished(x))
		return failed;
	if (status == WIRE_ERROR)
		return not_a_frame(x, &frame);
	return server_ended(x, EXCHANGE_INCOMPLETE,
		status == WIRE_MORE ? "the server closed the connection in the middle of a reply"
				    : "the server closed the connection");
}

/* RESULT of recv(2) was end of file or an error. */
static int
end_of_input(struct exchange *x, ssize_t result)
{
	int reason = result < 0 ? errno : x->sender.failed;
	char lost[160];

	if (result < 0 && (reason == EAGAIN || reason == EINTR))
		return 0;
	if (reason == ECONNRESET)
		return server_ended(x, EXCHANGE_INCOMPLETE, "the server reset the connection");
	if (result == 0)
		return end_of_file(x);
	snprintf(lost, sizeof(lost), "the connection was lost (%s)", strerror(reason));
	return server_ended(x, EXCHANGE_INCOMPLETE, lost);
}

static int
receive(struct exchange *x)
{
	ssize_t got = receiver_receive(&x->receiver, x->fd);

	if (got <= 0)
		return end_of_input(x, got);
	x->progress_ms = clock_monotonic_ms();
	if (!x->options->no_reply)
		return take_replies(x);
	receiver_discard(&x->receiver);
	return 0;
}

/* Milliseconds until the server has been idle for too long; -1 if nothing is expected of it. */
static int
time_left(const struct exchange *x)
{
	int64_t left_ms = x->progress_ms + x->options->timeout_ms - clock_monotonic_ms();

	if (!sender_pending(&x->sender) && !expects_reply(x))
		return -1;
	if (left_ms <= 0)
		return 0;
	return left_ms < 60 * 1000 ? (int)left_ms : 60 * 1000;
}

/* Handles what poll(2) found, when the server had LEFT milliseconds to show progress. */
static int
handle(struct exchange *x, const struct pollfd *server, const struct pollfd *input, int left)
{
	int status = 0;

	if (left < 0)
		x->progress_ms = clock_monotonic_ms();
	if (server->revents == 0 && left == 0)
		return timed_out(x);
	if (input->revents != 0)
		status = read_input(x);
	if (status == 0 && (server->revents & POLLOUT) != 0)
		send_some(x);
	if (status == 0 && (server->revents & ~POLLOUT) != 0 && !finished(x))
		status = receive(x);
	return status == 0 ? fill(x) : status;
}

static int
turn(struct exchange *x)
{
	bool sends = sender_pending(&x->sender) && x->sender.failed == 0;
	struct pollfd polls[] = {
		{ .fd = x->fd, .events = (short)(POLLIN | (sends ? POLLOUT : 0)) },
		{ .fd = x->sender.wants_input ? STDIN_FILENO : -1, .events = POLLIN },
	};
	int left;

	if (output_flush(&x->output, x->error) != 0)
		return EX_IOERR;
	left = time_left(x);
	if (poll(polls, countof(polls), left) >= 0)
		return handle(x, &polls[0], &polls[1], left);
	if (errno == EINTR)
		return 0;
	error_errno(x->error, "cannot wait for the server");
	return EX_IOERR;
}

/*
 * Without replies nobody says that all has arrived, and a close with something unread makes the
 * kernel reset the connection, tcp(7), and the server lose what it has not read: so the server's
 * close is waited for.
 */
static int
linger(struct exchange *x)
{
	int64_t deadline_ms = clock_monotonic_ms() + LINGER_MS, left_ms;
	struct pollfd server = { .fd = x->fd, .events = POLLIN };
	ssize_t got = 1;

	while (got != 0 && (left_ms = deadline_ms - clock_monotonic_ms()) > 0) {
		if (poll(&server, 1, (int)left_ms) <= 0)
			continue;
		got = receiver_receive(&x->receiver, x->fd);
		receiver_discard(&x->receiver);
		if (got < 0 && errno != EAGAIN && errno != EINTR) {
			error_errno(x->error, "the server may not have read everything");
			return EXCHANGE_INCOMPLETE;
		}
	}
	return 0;
}

static int
converse(struct exchange *x)
{
	struct error second;
	int status = fill(x);

	while (status == 0 && !finished(x))
		status = turn(x);
	if (output_flush(&x->output, status == 0 ? x->error : &second) != 0 && status == 0)
		return EX_IOERR;
	if (status == 0 && x->options->no_reply)
		status = linger(x);
	if (status == 0)
		say(x, "done: %" PRId64 " messages, %" PRId64 " replies", x->source->taken,
			x->replies);
	return status;
}

int
exchange_run(int fd, struct source *source, const struct options *options, struct error *error)
{
	struct exchange *x = calloc(1, sizeof(*x));
	int status = EX_IOERR;

	if (x == NULL) {
		error_errno(error, "cannot start");
		return EX_IOERR;
	}
	x->options = options;
	x->source = x->sender.source = source;
	x->sender.wire = &options->framing.wire;
	x->sender.end_of_line = options->framing.end_of_line;
	x->error = error;
	x->fd = fd;
	x->output.format = options->quiet ? OUTPUT_NONE : options->format;
	x->progress_ms = clock_monotonic_ms();
	if (receiver_open(&x->receiver, &options->framing.wire, error) == 0)
		status = converse(x);
	receiver_close(&x->receiver);
	free(x);
	return status;
}
